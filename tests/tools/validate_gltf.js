// Khronos' validator over .glb files: prints each file's issues as one JSON line. Needs `npm install gltf-validator` in
// a folder that NODE_PATH names. Exit code 0: no errors; 1: errors; 3: the validator is not installed.
//     NODE_PATH=.../node_modules node tests/tools/validate_gltf.js head.glb ...
const fs = require("fs");
let validator;
try {
  validator = require("gltf-validator");
} catch {
  process.exit(3);
}
(async () => {
  let errors = 0;
  for (const path of process.argv.slice(2)) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path)), { maxIssues: 100 });
    console.log(JSON.stringify({ path, ...report.issues }));
    errors += report.issues.numErrors;
  }
  process.exit(errors ? 1 : 0);
})();
