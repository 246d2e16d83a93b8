//! Rules that need only the text of a file.

/// A text file of the tree: its path from the root, and its content.
#[derive(Debug)]
pub(crate) struct TextFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A choice: what a reader can hold in view, near the 90th percentile of the modules of linkerd2-proxy.
const LINES: usize = 400;

/// Forbidden code, and what to write instead. Split so that this file keeps its own rule.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("#[", "allow("), "write #[expect(.., reason = \"..\")]"),
    (concat!("#![", "allow("), "write #![expect(.., reason = \"..\")]"),
    (concat!("#[", "ignore"), "a test runs or is deleted"),
    (concat!("thread", "::sleep"), "wait for the event, not for the time"),
];

/// Reports Rust files of [`LINES`] lines or more.
pub(super) fn lengths(files: &[TextFile]) -> Vec<String> {
    let long = files.iter().filter(|file| file.is_rust()).filter_map(|file| {
        let lines = file.text.lines().count();
        (lines >= LINES).then(|| format!("{}: {lines} lines; a module has under {LINES}", file.path))
    });
    long.collect()
}

/// Reports lines of Rust with forbidden code.
pub(super) fn forbidden(files: &[TextFile]) -> Vec<String> {
    let mut violations = Vec::new();
    for (needle, instead) in FORBIDDEN {
        for place in files.iter().filter(|file| file.is_rust()).flat_map(|file| file.find(needle)) {
            violations.push(format!("{place}: {needle} is forbidden; {instead}"));
        }
    }
    violations
}

impl TextFile {
    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Finds `needle` outside whole-line comments; yields `path:line`.
    pub(super) fn find(&self, needle: &str) -> impl Iterator<Item = String> {
        let code = self.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let found = code.filter(move |(_, line)| line.contains(needle));
        found.map(|(index, _)| format!("{}:{}", self.path, index + 1))
    }

    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> TextFile {
        TextFile { path: path.into(), text: text.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        assert_eq!(forbidden(&[TextFile::new("a.rs", text)]), expect);
    }

    #[test]
    fn a_rust_file_of_400_lines_is_too_long() {
        let check = |path: &str, lines: usize, expect: &[&str]| {
            assert_eq!(lengths(&[TextFile::new(path, &"x\n".repeat(lines))]), expect);
        };
        check("a.rs", 399, &[]);
        check("a.rs", 400, &["a.rs: 400 lines; a module has under 400"]);
        check("a.md", 400, &[]);
    }

    #[test]
    fn forbidden_code_is_reported_with_its_line() {
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
    fn comments_and_other_attributes_are_allowed() {
        check(concat!("// never #[", "allow(\n/// nor #[", "ignore]\n#[expect(x)]\n"), &[]);
    }
}
