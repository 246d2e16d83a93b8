//! Writes the seeds of every target into its own folder below the given one, for libFuzzer to start from.
#![expect(clippy::unwrap_used, reason = "an example that cannot write fails")]

use std::fs;
use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap());
    for (target, _) in fuzz::TARGETS {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in fuzz::seeds(target).iter().enumerate() {
            fs::write(folder.join(format!("{number:03}")), seed).unwrap();
        }
    }
}
