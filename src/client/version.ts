// The version that spans' processes say they were reported by: that of package.json, which a
// published CommonJS module could not read in the same way as an ES module.

export const VERSION = "0.1.0";
