const c = require('./playwright.config.js');
module.exports = {
  ...c,
  timeout: 100000,
  expect: { timeout: 20000 },
  use: { ...c.use, actionTimeout: 15000 }
};
