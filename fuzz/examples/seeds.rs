//! Writes the seeds of every target, a folder each, below the folder given: what libFuzzer begins with.
#![expect(clippy::unwrap_used, reason = "what cannot be written ends it")]

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
