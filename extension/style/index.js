import 'uplot/dist/uPlot.min.css';
import './base.css';
import './panel.css';
import './chart.css';
import './diff.css';
import './mime.css';
import './view.css';
import './around.css';
