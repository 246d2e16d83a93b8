//! Runs every target on its seeds, on the corpus, and on damaged copies of both, from a fixed random seed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use fuzz::{TARGETS, seeds};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

/// Damaged inputs per target. A choice: a few seconds for all of them.
const ROUNDS: usize = 3_000;

#[test]
fn no_target_panics() {
    for (name, target) in TARGETS {
        let mut inputs = seeds(name);
        assert!(!inputs.is_empty(), "{name} has no seeds");
        inputs.extend(corpus(name));
        inputs.iter().for_each(|input| target(input));
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..ROUNDS {
            let one = &inputs[random.random_range(0..inputs.len())];
            let other = &inputs[random.random_range(0..inputs.len())];
            target(&damaged(&mut random, one, other));
        }
    }
}

/// Inputs that once made a target fail.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn damaged(random: &mut impl Rng, one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = one.to_vec();
    for _ in 0..random.random_range(1..6) {
        let at = random.random_range(0..=bytes.len());
        match random.random_range(0..6) {
            0 => bytes.truncate(at),
            1 => bytes.splice(at..at, TOKENS[random.random_range(0..TOKENS.len())].iter().copied()).for_each(drop),
            2 => bytes.splice(at..at, other.iter().skip(at).take(64).copied()).for_each(drop),
            3 if at < bytes.len() => bytes[at] = random.random(),
            4 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            _ => {
                let end = random.random_range(at..=bytes.len().min(at + 32));
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

const TOKENS: [&[u8]; 14] = [
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\n",
    b"\r\n",
    b"\\u0000",
    b"null",
    b"-1",
    b"1e999",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
];
