//! The keys that are set, each with the line or the variable that set it.
//!
//! serde stops at its first error. To report all of them, each error is noted, the value that caused it is removed from
//! the tree, and the rest is read again until no error is left.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, SetBy};
use super::read::{Kind, ReadError};

/// The configuration as it was set, before any type reads it.
pub(super) struct Tree {
    root: Node,
    /// Keys that were removed after an error: that they are missing is not reported, too.
    removed: BTreeSet<Vec<String>>,
}

/// A key's value and what set it.
pub(super) struct Node {
    set_by: SetBy,
    pub(super) content: Content,
}

pub(super) enum Content {
    Table(BTreeMap<String, Node>),
    /// With the index that each element has in the file.
    List(Vec<(usize, Node)>),
    Scalar(Scalar),
    /// The value of a variable: text, unless the type turns out to expect something else.
    Raw(String),
}

pub(super) enum Scalar {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { set_by: SetBy::Whole, content: Content::Table(BTreeMap::new()) };
        Self { root, removed: BTreeSet::new() }
    }
}

impl Tree {
    /// Parses a file. The tree is empty, and problems are added, where the syntax is wrong.
    pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            // Without the line itself, which toml would quote: it may hold a secret.
            let set_by = error.span().map_or(SetBy::Whole, |span| SetBy::Line(line(span.start)));
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            problems.push(Problem { set_by, key: String::new(), message });
        }
        if !errors.is_empty() {
            return Self::default();
        }
        let content = table_content(table.get_ref(), &|offset| SetBy::Line(line(offset)));
        Self { root: Node { set_by: SetBy::Whole, content }, ..Self::default() }
    }

    /// Sets the key at `path` to a variable's value, in place of that of the file.
    pub(super) fn set(&mut self, path: &[String], variable: String, raw: String, problems: &mut Vec<Problem>) {
        let mut node = &mut self.root;
        for key in path {
            if !matches!(node.content, Content::Table(_)) {
                node.content = Content::Table(BTreeMap::new());
            }
            let Content::Table(children) = &mut node.content else { return };
            let empty = || Node { set_by: SetBy::Variable(variable.clone()), content: Content::Table(BTreeMap::new()) };
            node = children.entry(key.clone()).or_insert_with(empty);
        }
        if let (SetBy::Variable(other), false) = (&node.set_by, matches!(node.content, Content::Table(_))) {
            let message = format!("is set by {other} too");
            problems.push(Problem { set_by: SetBy::Variable(variable), key: path.join("."), message });
            return;
        }
        *node = Node { set_by: SetBy::Variable(variable), content: Content::Raw(raw) };
    }

    /// Returns the configuration and adds every problem found on the way. `None` if a value that caused an error cannot
    /// be removed.
    pub(super) fn read<T: DeserializeOwned>(&mut self, problems: &mut Vec<Problem>) -> Option<T> {
        loop {
            match T::deserialize(&self.root) {
                Ok(config) => return Some(config),
                Err(error) => self.resolve(&error, problems)?,
            }
        }
    }

    /// Adds a problem for each key that is set and not in `config`: one that a type without `deny_unknown_fields`
    /// ignored.
    pub(super) fn find_ignored<T: Serialize>(&self, config: &T, problems: &mut Vec<Problem>) {
        match serde_json::to_value(config) {
            Ok(value) => find_ignored(&self.root, &value, &mut Vec::new(), problems),
            Err(error) => problems.push(Problem {
                set_by: SetBy::Whole,
                key: String::new(),
                message: format!("cannot be shown: {error}"),
            }),
        }
    }

    /// Removes the cause of one error, so that reading again finds the next one.
    fn resolve(&mut self, error: &ReadError, problems: &mut Vec<Problem>) -> Option<()> {
        let path = &error.path;
        let (key, node) = self.root.find(path);
        let mut note = |set_by: &SetBy| {
            problems.push(Problem { set_by: set_by.clone(), key: key.clone(), message: error.message.clone() });
        };
        match (&error.kind, &node.content, &node.set_by) {
            (Kind::WrongType, Content::Raw(raw), set_by @ SetBy::Variable(_)) => {
                if let Some(content) = typed(raw, set_by) {
                    self.root.find_mut(path)?.content = content;
                    return Some(());
                }
                note(set_by);
            }
            (Kind::UnknownKey, Content::Raw(file), SetBy::Variable(variable))
                if variable.ends_with("_FILE") && path.last().is_some_and(|key| key.ends_with("_file")) =>
            {
                let (variable, file) = (variable.clone(), file.clone());
                self.remove(path);
                return self.set_from_file(path, variable, &file, problems);
            }
            (Kind::UnknownKey, ..) => node.all_set_by().into_iter().for_each(note),
            (Kind::MissingKey(field), ..) => {
                let missing: Vec<String> = path.iter().cloned().chain([(*field).to_owned()]).collect();
                if !self.removed.contains(&missing) {
                    note(&node.set_by);
                }
            }
            _ => note(&node.set_by),
        }
        self.remove(path).then_some(())
    }

    fn set_from_file(
        &mut self,
        path: &[String],
        variable: String,
        file: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<()> {
        let (last, parents) = path.split_last()?;
        let target: Vec<String> = parents.iter().cloned().chain([last.strip_suffix("_file")?.to_owned()]).collect();
        match std::fs::read_to_string(file) {
            // The newline that editors and `echo` put at the end is not part of a secret.
            Ok(text) => self.set(&target, variable, text.trim_end_matches(['\r', '\n']).to_owned(), problems),
            Err(error) => {
                let message = format!("cannot read {file}: {error}");
                problems.push(Problem { set_by: SetBy::Variable(variable), key: target.join("."), message });
                self.removed.insert(target);
            }
        }
        Some(())
    }

    /// Removes the value at `path`, or the element of the first list on the way. Returns whether there was one.
    fn remove(&mut self, path: &[String]) -> bool {
        let mut node = &mut self.root;
        for (depth, key) in path.iter().enumerate() {
            let is_last = depth + 1 == path.len();
            match &mut node.content {
                Content::Table(children) if is_last => {
                    self.removed.insert(path.to_vec());
                    return children.remove(key).is_some();
                }
                Content::Table(children) => match children.get_mut(key) {
                    Some(child) => node = child,
                    None => return false,
                },
                Content::List(elements) => {
                    let index = key.parse().ok().filter(|index: &usize| *index < elements.len());
                    return index.map(|index| elements.remove(index)).is_some();
                }
                // A scalar has no parts: all of it is removed.
                Content::Scalar(_) | Content::Raw(_) => {
                    return depth > 0 && self.remove(path.get(..depth).unwrap_or(&[]));
                }
            }
        }
        false
    }
}

impl Node {
    /// Returns the deepest node on `path`, and the key of all of `path` with the indices of the file.
    fn find(&self, path: &[String]) -> (String, &Node) {
        let mut node = self;
        let mut reached = true;
        let mut keys = Vec::new();
        for key in path {
            let (name, child) = match &node.content {
                Content::Table(children) => (key.clone(), children.get(key)),
                Content::List(elements) => match key.parse().ok().and_then(|index: usize| elements.get(index)) {
                    Some((index, child)) => (index.to_string(), Some(child)),
                    None => (key.clone(), None),
                },
                Content::Scalar(_) | Content::Raw(_) => (key.clone(), None),
            };
            match child.filter(|_| reached) {
                Some(child) => {
                    keys.push(name);
                    node = child;
                }
                None => {
                    keys.push(key.clone());
                    reached = false;
                }
            }
        }
        (keys.join("."), node)
    }

    fn find_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| match &mut node.content {
            Content::Table(children) => children.get_mut(key),
            Content::List(elements) => elements.get_mut(key.parse::<usize>().ok()?).map(|(_, child)| child),
            Content::Scalar(_) | Content::Raw(_) => None,
        })
    }

    /// Returns the line that sets this node, and all variables that set it or a part of it.
    fn all_set_by(&self) -> Vec<&SetBy> {
        let is_line = matches!(self.set_by, SetBy::Line(_));
        let Content::Table(children) = &self.content else { return vec![&self.set_by] };
        let mut all: Vec<&SetBy> = if is_line || children.is_empty() { vec![&self.set_by] } else { Vec::new() };
        let of_children = children.values().flat_map(Node::all_set_by);
        all.extend(of_children.filter(|set_by| matches!(set_by, SetBy::Variable(_))));
        all
    }
}

/// Reads the value of a variable as TOML. `None` if it can only be text.
fn typed(raw: &str, set_by: &SetBy) -> Option<Content> {
    let value = DeValue::parse(raw.trim()).ok()?;
    let content = content(value.get_ref(), &|_| set_by.clone());
    (!matches!(content, Content::Scalar(Scalar::Text(_)))).then_some(content)
}

/// `set_by` is called with the offset of a key or an element in the text.
fn table_content(table: &DeTable<'_>, set_by: &impl Fn(usize) -> SetBy) -> Content {
    let child =
        |key: &toml::Spanned<_>, value| Node { set_by: set_by(key.span().start), content: content(value, set_by) };
    Content::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), child(key, value.get_ref()))).collect())
}

fn content(value: &DeValue<'_>, set_by: &impl Fn(usize) -> SetBy) -> Content {
    let element = |element: &toml::Spanned<DeValue<'_>>| Node {
        set_by: set_by(element.span().start),
        content: content(element.get_ref(), set_by),
    };
    Content::Scalar(match value {
        DeValue::Table(table) => return table_content(table, set_by),
        DeValue::Array(array) => return Content::List(array.iter().map(element).enumerate().collect()),
        DeValue::String(text) => Scalar::Text(text.to_string()),
        DeValue::Boolean(boolean) => Scalar::Boolean(*boolean),
        DeValue::Datetime(datetime) => Scalar::Text(datetime.to_string()),
        // A number that is out of range becomes text, which serde refuses with the key.
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or_else(|_| Scalar::Text(integer.to_string()), Scalar::Integer),
        DeValue::Float(float) => float.as_str().parse().map_or_else(|_| Scalar::Text(float.to_string()), Scalar::Float),
    })
}

fn find_ignored(node: &Node, value: &Value, path: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let (Content::Table(children), Value::Object(known)) = (&node.content, value) else { return };
    for (key, child) in children {
        path.push(key.clone());
        match known.get(key) {
            Some(inner) => find_ignored(child, inner, path, problems),
            None => problems.extend(child.all_set_by().into_iter().map(|set_by| Problem {
                set_by: set_by.clone(),
                key: path.join("."),
                message: "no such key".to_owned(),
            })),
        }
        path.pop();
    }
}
