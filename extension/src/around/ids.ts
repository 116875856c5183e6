/** The commands of Autoloop, beside the one that shows the panel. */
export namespace AroundIDs {
  export const newArena = 'autoloop:new-arena';
  export const importArena = 'autoloop:import';
  export const chooseArena = 'autoloop:choose-arena';
  export const step = 'autoloop:step';
  export const auto = 'autoloop:auto';
  export const pause = 'autoloop:pause';
  export const resume = 'autoloop:resume';
  export const stop = 'autoloop:stop';
  export const accept = 'autoloop:accept';
  export const skip = 'autoloop:skip';
  export const makeChampion = 'autoloop:make-champion';
  export const fork = 'autoloop:fork';
  export const replicate = 'autoloop:replicate';
  export const confirm = 'autoloop:confirm';
  export const apply = 'autoloop:apply';
  export const report = 'autoloop:report';
  export const exportWinner = 'autoloop:export';
  export const openNotebook = 'autoloop:open-notebook';
}
