'use strict';

// Which build of the addon this process needs.
//
// It does not know whether there is one.

/** The folder of `prebuilds` for this process. */
function target() {
  const { platform, arch } = process;
  return platform === 'linux' ? `${platform}-${arch}-${libc()}` : `${platform}-${arch}`;
}

function libc() {
  const { report } = process;
  const { excludeNetwork } = report;
  // Otherwise it asks for the names of all addresses it finds.
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'gnu';
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

module.exports = { target };
