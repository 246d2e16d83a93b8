//! The numbers that are kept in the tree, and the comparison of two sets of them.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::steps::{command, output};

/// A stage may cost this much more than recorded, in percent. A choice: above what another build of the same code
/// differs by (under 1 %), below what a person would call the same speed.
const TOLERANCE: u64 = 5;

/// Functions below this share of their stage are not recorded, in percent.
const SHARE: u64 = 1;

/// Functions that a message lists for one stage.
const LISTED: usize = 5;

const HEADER: &str = "\
# Instructions per event, counted by callgrind; written by `cargo xtask cost --write`. More than 5 % above fails
# `cargo xtask lint`. Functions are those with at least 1 % of their stage, without the functions that they call.

";

/// What one measurement found.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub(super) struct Record {
    pub(super) input_bytes: u64,
    /// Activities in the input.
    pub(super) events: u64,
    pub(super) toolchain: Toolchain,
    pub(super) stages: BTreeMap<String, Stage>,
}

/// What decides how source becomes instructions. Numbers of two toolchains are not comparable.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Toolchain {
    rustc: String,
    host: String,
}

/// The cost of one stage, in instructions per event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct Stage {
    pub(super) per_event: u64,
    functions: BTreeMap<String, u64>,
}

impl Toolchain {
    /// Asks rustc.
    pub(super) fn current() -> Result<Toolchain> {
        let text = output(&mut command("rustc", &["--version", "--verbose"]))?;
        let text = String::from_utf8_lossy(&text);
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("rustc names no {name}"))
        };
        Ok(Toolchain { rustc: field("release")?, host: field("host")? })
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rustc {} for {}", self.rustc, self.host)
    }
}

impl Stage {
    pub(super) fn new(profile: &Profile, events: u64) -> Stage {
        let total = profile.total();
        let large = profile.functions.iter().filter(|(_, cost)| **cost * 100 >= total * SHARE);
        let functions = large.map(|(name, cost)| (name.clone(), cost / events.max(1))).collect();
        Stage { per_event: total / events.max(1), functions }
    }

    /// The functions that grew most, as lines; those below the recorded share count as zero.
    fn grown(&self, recorded: &Stage) -> Vec<String> {
        let old = |name: &str| recorded.functions.get(name).copied().unwrap_or(0);
        let mut grown: Vec<(u64, &str)> =
            self.functions.iter().map(|(name, cost)| (cost.saturating_sub(old(name)), name.as_str())).collect();
        grown.sort_by(|a, b| b.cmp(a));
        let grown = grown.into_iter().filter(|(by, _)| *by > 0).take(LISTED);
        grown.map(|(by, name)| format!("  +{by} {name} ({} before)", old(name))).collect()
    }
}

impl Record {
    /// Parses the text of the file.
    pub(super) fn parse(text: &str) -> Result<Record> {
        Ok(toml::from_str(text)?)
    }

    /// Returns the text of the file.
    pub(super) fn to_text(&self) -> Result<String> {
        Ok(format!("{HEADER}{}", toml::to_string(self)?))
    }

    /// One line for each stage.
    pub(super) fn summary(&self, recorded: &Record) -> Vec<String> {
        let line = |(name, stage): (&String, &Stage)| {
            let old = recorded.stages.get(name).map_or(0, |stage| stage.per_event);
            let percent = (stage.per_event as f64 / old.max(1) as f64 - 1.0) * 100.0;
            format!("{name:>9}: {:>8} instructions per event, recorded {old} ({percent:+.1} %)", stage.per_event)
        };
        self.stages.iter().map(line).collect()
    }

    /// Stages that cost more than recorded by over [`TOLERANCE`], with the functions that grew most.
    pub(super) fn violations(&self, recorded: &Record) -> Vec<String> {
        if (self.input_bytes, self.events) != (recorded.input_bytes, recorded.events) {
            return vec![format!(
                "the simulated input changed: {} events in {} bytes, recorded {} in {}; run `cargo xtask cost --write`",
                self.events, self.input_bytes, recorded.events, recorded.input_bytes
            )];
        }
        let mut violations = Vec::new();
        for (name, stage) in &self.stages {
            let Some(old) = recorded.stages.get(name) else {
                violations.push(format!("{name}: has no recorded cost; run `cargo xtask cost --write`"));
                continue;
            };
            if stage.per_event * 100 > old.per_event * (100 + TOLERANCE) {
                violations.push(format!(
                    "{name}: {} instructions per event, recorded {}, over {TOLERANCE} % more; functions that grew:",
                    stage.per_event, old.per_event
                ));
                violations.extend(stage.grown(old));
            }
        }
        violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(per_event: u64, functions: &[(&str, u64)]) -> Stage {
        Stage { per_event, functions: functions.iter().map(|(name, cost)| ((*name).to_owned(), *cost)).collect() }
    }

    fn record(stage: Stage) -> Record {
        Record {
            input_bytes: 1_000,
            events: 10,
            toolchain: Toolchain { rustc: "1.0.0".to_owned(), host: "x86_64".to_owned() },
            stages: BTreeMap::from([("parse".to_owned(), stage)]),
        }
    }

    #[test]
    fn more_than_five_percent_is_a_violation_that_names_what_grew() {
        let old = record(stage(1_000, &[("a::read", 600), ("a::skip", 300)]));
        let check = |new: Stage, expect: &[&str]| assert_eq!(record(new).violations(&old), expect);
        check(stage(1_050, &[("a::read", 650), ("a::skip", 300)]), &[]);
        check(stage(500, &[("a::read", 100), ("a::skip", 300)]), &[]);
        check(
            stage(1_051, &[("a::read", 601), ("a::skip", 280), ("a::copy", 70)]),
            &[
                "parse: 1051 instructions per event, recorded 1000, over 5 % more; functions that grew:",
                "  +70 a::copy (0 before)",
                "  +1 a::read (600 before)",
            ],
        );
    }

    #[test]
    fn another_input_is_not_compared() {
        let old = record(stage(1_000, &[]));
        let new = Record { events: 11, ..old.clone() };
        assert_eq!(
            new.violations(&old),
            [
                "the simulated input changed: 11 events in 1000 bytes, recorded 10 in 1000; run `cargo xtask cost --write`"
            ]
        );
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let written = record(stage(1_000, &[("<a::B as c::D>::read", 600)]));
        assert_eq!(Record::parse(&written.to_text().unwrap()).unwrap(), written);
    }
}
