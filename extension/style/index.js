import 'uplot/dist/uPlot.min.css';
import './base.css';
import './panel.css';
import './chart.css';
import './diff.css';
import './mime.css';
import './view.css';
import './around.css';
<<<<<<< HEAD
import './book.css';
=======
import './loop.css';
>>>>>>> 36c711c (Put the loop into an arena's own notebook, and offer it the cells of a new champion)
