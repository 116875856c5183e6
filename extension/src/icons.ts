import { LabIcon } from '@jupyterlab/ui-components';

import loop from '../style/icons/loop.svg';

/** The loop: the panel's tab in the left bar, and the mark of Autoloop elsewhere. */
export const loopIcon = new LabIcon({ name: 'autoloop:loop', svgstr: loop });
