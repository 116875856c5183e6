/** The commands by which a notebook becomes an arena. */
export namespace RoleIDs {
  export const setRole = 'autoloop:set-role';
  export const nameCell = 'autoloop:name-cell';
  export const settings = 'autoloop:arena-settings';
  export const check = 'autoloop:check';
}
