// Khronos' validator over .glb files: prints each file's issues as one JSON line. `make test` installs it into .cache/node;
// one in a folder that NODE_PATH names serves as well. Exit code 0: no errors; 1: errors; 3: the validator is not installed.
//     node tests/tools/validate_gltf.js head.glb ...
const fs = require("fs");
const path = require("path");
let validator;
try {
  validator = require(require.resolve("gltf-validator", { paths: [path.join(__dirname, "..", "..", ".cache", "node")] }));
} catch (error) {
  if (error.code !== "MODULE_NOT_FOUND") throw error;
  process.exit(3);
}
(async () => {
  let errors = 0;
  for (const file of process.argv.slice(2)) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(file)), { maxIssues: 100 });
    console.log(JSON.stringify({ file, ...report.issues }));
    errors += report.issues.numErrors;
  }
  process.exit(errors ? 1 : 0);
})();
