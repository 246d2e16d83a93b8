//! The bytes of version 1: what is stored must be readable by every later version.

use super::*;
use std::fmt::Write as _;

#[test]
fn version_1() {
    let mut all = Table::new();
    apply(&mut all, small_org().take_changes().unwrap());
    insta::assert_snapshot!("version_1", text(&all));
}

#[test]
fn what_version_1_wrote_is_read() {
    let snapshot = include_str!("snapshots/profile__state__tests__golden__version_1.snap");
    let stored = read(snapshot.rsplit_once("---\n").unwrap().1);
    let mut org = restore(&org_id(), &stored);
    assert_eq!(org.take_changes().unwrap(), []);
    assert!(dump(org, &stored) == stored);
}

/// A line a record, in hexadecimal; `(n)` stands for n zeros.
fn text(table: &Table) -> String {
    let mut text = String::new();
    for (key, bytes) in table {
        write!(text, "{key} ").unwrap();
        for run in bytes.chunk_by(|a, b| *a == 0 && *b == 0) {
            match run {
                [byte] => write!(text, "{byte:02x}").unwrap(),
                zeros => write!(text, "({})", zeros.len()).unwrap(),
            }
        }
        text.push('\n');
    }
    text
}

fn read(text: &str) -> Table {
    let bytes = |mut hex: &str| {
        let mut bytes = Vec::new();
        while !hex.is_empty() {
            if let Some(zeros) = hex.strip_prefix('(') {
                let (zeros, rest) = zeros.split_once(')').unwrap();
                bytes.resize(bytes.len() + zeros.parse::<usize>().unwrap(), 0);
                hex = rest;
            } else {
                bytes.push(u8::from_str_radix(&hex[..2], 16).unwrap());
                hex = &hex[2..];
            }
        }
        bytes
    };
    text.lines().filter_map(|line| line.split_once(' ')).map(|(key, hex)| (key.to_owned(), bytes(hex))).collect()
}
