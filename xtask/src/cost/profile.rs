//! A profile as callgrind writes it, reduced to the instructions of each function.
//!
//! The format: <https://valgrind.org/docs/manual/cl-format.html>.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// What happened between two dumps.
#[derive(Debug)]
pub(super) struct Profile {
    /// Why callgrind wrote it.
    trigger: String,
    /// Instructions of each function itself, without those of the functions that it calls.
    pub(super) functions: BTreeMap<String, u64>,
}

impl Profile {
    /// Parses one file.
    pub(super) fn parse(text: &str) -> Result<Profile> {
        let mut profile = Profile { trigger: String::new(), functions: BTreeMap::new() };
        let mut names: BTreeMap<&str, String> = BTreeMap::new();
        let mut current = None;
        let mut is_call = false;
        for line in text.lines() {
            if let Some(trigger) = line.strip_prefix("desc: Trigger: ") {
                profile.trigger = trigger.to_owned();
            } else if let Some(named) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
                let name = resolve(named, &mut names).with_context(|| format!("no name in `{line}`"))?;
                if line.starts_with("fn=") {
                    current = Some(name);
                }
            } else if line.starts_with("calls=") {
                // The next line has the cost of the call, which is counted in the function that is called.
                is_call = true;
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                let cost = line.split(' ').nth(1).map_or(Ok(0), str::parse::<u64>);
                let cost = cost.with_context(|| format!("no cost in `{line}`"))?;
                if let (false, Some(name)) = (is_call, &current) {
                    *profile.functions.entry(name.clone()).or_default() += cost;
                }
                is_call = false;
            }
        }
        Ok(profile)
    }

    /// The function of `module` that ended this part; none if something else did.
    pub(super) fn stage(&self, module: &str) -> Option<&str> {
        let name = self.trigger.strip_prefix("--dump-after=")?.strip_prefix(module)?.strip_prefix("::")?;
        name.split(|next: char| !next.is_alphanumeric()).next()
    }

    /// All instructions.
    pub(super) fn total(&self) -> u64 {
        self.functions.values().sum()
    }
}

/// The name behind `(id) name`, or behind `(id)` if the name was given before.
fn resolve<'a>(named: &'a str, names: &mut BTreeMap<&'a str, String>) -> Option<String> {
    let (id, name) = named.split_once(')')?;
    if !name.is_empty() {
        names.insert(id, without_hash(name.trim()));
    }
    names.get(id).cloned()
}

/// Removes what differs from build to build: the number of a recursion, the suffix of an internal symbol, the hash.
fn without_hash(name: &str) -> String {
    let mut name = name;
    if let Some((function, recursion)) = name.rsplit_once('\'')
        && recursion.chars().all(|digit| digit.is_ascii_digit())
    {
        name = function;
    }
    name = name.split_once(".llvm.").map_or(name, |(function, _)| function);
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.chars().all(|digit| digit.is_ascii_hexdigit()) => path,
        _ => name,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
# callgrind format
version: 1
desc: Trigger: --dump-after=cost::parse*
positions: line
events: Ir

ob=(1) /tree/target/release/cost
fl=(1) src/cost.rs
fn=(1) cost::parse::h0123456789abcdef
33 5
+2 10
cfi=(2) src/lib.rs
cfn=(2) salesforce::parse
calls=3 40
+1 900
* 2

fn=(2)
fi=(3) core.rs
40 600
-3 250
fn=(3) salesforce::parse'2
7 50
totals: 917
";

    #[test]
    fn instructions_are_counted_in_the_function_that_runs_them() {
        let profile = Profile::parse(PROFILE).unwrap();
        let expect = [("cost::parse", 17), ("salesforce::parse", 900)].map(|(name, cost)| (name.to_owned(), cost));
        assert_eq!(profile.functions, BTreeMap::from(expect));
        assert_eq!(profile.total(), 917);
    }

    #[test]
    fn a_part_is_of_the_stage_that_ended_it() {
        assert_eq!(Profile::parse(PROFILE).unwrap().stage("cost"), Some("parse"));
        let check = |trigger: &str| {
            let profile = Profile::parse(&format!("desc: Trigger: {trigger}\n")).unwrap();
            assert_eq!(profile.stage("cost"), None, "{trigger}");
        };
        check("--dump-before=cost::parse*");
        check("Program termination");
    }

    #[test]
    fn names_are_the_same_from_build_to_build() {
        let check = |name: &str, expect: &str| assert_eq!(without_hash(name), expect);
        check("a::b::h0123456789abcdef", "a::b");
        check("a::b::h0123456789abcdef.llvm.123'2", "a::b");
        check("a::here", "a::here");
        check("<&'a str as a::B>::c", "<&'a str as a::B>::c");
    }
}
