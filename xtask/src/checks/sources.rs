//! Rules that need no more than the text of a file.

/// A `.rs` file: its path from the root of the work tree, and its text.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

const LINES: usize = 400;

/// What may not be written, and what to do instead. Split, so that this file keeps its own rule.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("#[", "allow("), "write #[expect(.., reason = \"..\")]"),
    (concat!("#![", "allow("), "write #![expect(.., reason = \"..\")]"),
    (concat!("#[", "ignore"), "a test runs or is deleted"),
    (concat!("thread", "::sleep"), "wait for the event, not for the time"),
];

/// Files of 400 lines or more.
pub(super) fn lengths(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter_map(|source| {
        let lines = source.text.lines().count();
        (lines >= LINES).then(|| format!("{}: {lines} lines; a module has under {LINES}", source.path))
    });
    long.collect()
}

/// Lines with code that the house rules forbid.
pub(super) fn forbidden(sources: &[Source]) -> Vec<String> {
    let mut violations = Vec::new();
    for (needle, instead) in FORBIDDEN {
        for place in sources.iter().flat_map(|source| source.find(needle)) {
            violations.push(format!("{place}: {needle} is forbidden; {instead}"));
        }
    }
    violations
}

impl Source {
    /// Where `needle` occurs outside whole-line comments, as `path:line`.
    pub(super) fn find(&self, needle: &str) -> impl Iterator<Item = String> {
        let code = self.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let found = code.filter(move |(_, line)| line.contains(needle));
        found.map(|(index, _)| format!("{}:{}", self.path, index + 1))
    }

    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(forbidden(&[Source::new("a.rs", text)]), expect);
    }

    #[test]
    fn length_has_a_limit() {
        let check = |lines: usize, expect: &[&str]| {
            let source = Source::new("a.rs", &"x\n".repeat(lines));
            assert_eq!(lengths(&[source]), expect);
        };
        check(399, &[]);
        check(400, &["a.rs: 400 lines; a module has under 400"]);
    }

    #[test]
    fn forbidden_code_is_named_with_its_line() {
        check(
            concat!("fn f() {}\n  #[", "allow(dead_code)]\n"),
            &[concat!("a.rs:2: #[", "allow( is forbidden; write #[expect(.., reason = \"..\")]")],
        );
        check(
            concat!("std::thread", "::sleep(second);"),
            &[concat!("a.rs:1: thread", "::sleep is forbidden; wait for the event, not for the time")],
        );
        check(
            concat!("#[", "ignore = \"slow\"]"),
            &[concat!("a.rs:1: #[", "ignore is forbidden; a test runs or is deleted")],
        );
    }

    #[test]
    fn comments_and_other_attributes_are_free() {
        check(concat!("// never #[", "allow(\n/// nor #[", "ignore]\n#[expect(x)]\n"), &[]);
    }
}
