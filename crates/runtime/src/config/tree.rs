//! What was set, by key, with the place where it was set.
//!
//! serde stops at its first error. To tell all of them, the culprit is noted and taken out of the tree, and the rest is
//! read again until it holds.

use std::collections::{BTreeMap, BTreeSet};

use figment::error::{Error, Kind};
use figment::value::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem, describe};

pub(super) struct Tree {
    root: Node,
    /// Keys taken out: that they are missing is no news.
    removed: BTreeSet<Vec<String>>,
}

struct Node {
    origin: Origin,
    content: Content,
}

enum Content {
    Table(BTreeMap<String, Node>),
    /// With the index that each element has in the file.
    List(Vec<(usize, Node)>),
    Value(Value),
    /// Of a variable: text until it turns out that something else is wanted.
    Raw(String),
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { origin: Origin::Root, content: Content::Table(BTreeMap::new()) };
        Self { root, removed: BTreeSet::new() }
    }
}

impl Tree {
    /// The tree of a file; empty, with problems, if its syntax is wrong.
    pub(super) fn parse(text: &str, problems: &mut Vec<Problem>) -> Self {
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            // Without the line itself, which toml would quote: it may hold a secret.
            let origin = error.span().map_or(Origin::Root, |span| Origin::Line(line(span.start)));
            let message = error.message().lines().collect::<Vec<_>>().join(", ");
            problems.push(Problem { origin, key: String::new(), message });
        }
        if !errors.is_empty() {
            return Self::default();
        }
        let root = Node { origin: Origin::Root, content: table_content(table.get_ref(), &line) };
        Self { root, ..Self::default() }
    }

    /// Sets the key at `path` as a variable says, over what the file said.
    pub(super) fn set(&mut self, path: &[String], variable: String, raw: String, problems: &mut Vec<Problem>) {
        let mut node = &mut self.root;
        for key in path {
            if !matches!(node.content, Content::Table(_)) {
                node.content = Content::Table(BTreeMap::new());
            }
            let Content::Table(children) = &mut node.content else { return };
            let empty =
                || Node { origin: Origin::Variable(variable.clone()), content: Content::Table(BTreeMap::new()) };
            node = children.entry(key.clone()).or_insert_with(empty);
        }
        if let (Origin::Variable(other), Content::Raw(_) | Content::Value(_)) = (&node.origin, &node.content) {
            let message = format!("is set by {other} too");
            problems.push(Problem { origin: Origin::Variable(variable), key: path.join("."), message });
            return;
        }
        *node = Node { origin: Origin::Variable(variable), content: Content::Raw(raw) };
    }

    /// The configuration, and every problem on the way to it. None if what is wrong cannot be taken out.
    pub(super) fn read<T: DeserializeOwned>(&mut self, problems: &mut Vec<Problem>) -> Option<T> {
        loop {
            match self.root.value().deserialize::<T>() {
                Ok(config) => return Some(config),
                Err(error) => self.settle(&error, problems)?,
            }
        }
    }

    /// Notes what was set and did not come back from `config`: a key that a type without `deny_unknown_fields` ignored.
    pub(super) fn unread<T: Serialize>(&self, config: &T, problems: &mut Vec<Problem>) {
        match Value::serialize(config) {
            Ok(value) => unread(&self.root, &value, &mut Vec::new(), problems),
            Err(error) => problems.push(Problem {
                origin: Origin::Root,
                key: error.path.join("."),
                message: format!("cannot be shown: {}", describe(&error.kind)),
            }),
        }
    }

    /// Makes one error go away, so that the next one can be met.
    fn settle(&mut self, error: &Error, problems: &mut Vec<Problem>) -> Option<()> {
        let path = &error.path;
        let (place, node) = self.root.find(path);
        let mut note = |origin: &Origin, key: &str| {
            problems.push(Problem { origin: origin.clone(), key: key.to_owned(), message: describe(&error.kind) });
        };
        match (&error.kind, &node.content, &node.origin) {
            (Kind::InvalidType(..) | Kind::Message(_), Content::Raw(raw), Origin::Variable(_)) => {
                // Infallible: what is no other value is text.
                let value = raw.parse::<Value>().ok()?;
                if value.as_str().is_none() {
                    self.root.find_mut(path)?.content = Content::Value(value);
                    return Some(());
                }
                note(&node.origin, &place);
            }
            (Kind::UnknownField(..), Content::Raw(file), Origin::Variable(variable))
                if variable.ends_with("_FILE") && path.last().is_some_and(|key| key.ends_with("_file")) =>
            {
                let (variable, file) = (variable.clone(), file.clone());
                self.remove(path);
                return self.set_from_file(path, variable, &file, problems);
            }
            (Kind::UnknownField(..), ..) => {
                node.origins().into_iter().for_each(|origin| note(origin, &place));
            }
            (Kind::MissingField(field), ..) => {
                let missing = path.iter().cloned().chain([field.to_string()]).collect();
                if !self.removed.contains::<Vec<String>>(&missing) {
                    note(&node.origin, &place);
                }
            }
            _ => note(&node.origin, &place),
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
                problems.push(Problem { origin: Origin::Variable(variable), key: target.join("."), message });
                self.removed.insert(target);
            }
        }
        Some(())
    }

    /// Takes out what is at `path`, or the element of the first list on the way. False if there is nothing.
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
                // The culprit is inside of one value: all of it goes.
                Content::Value(_) | Content::Raw(_) => {
                    return depth > 0 && self.remove(path.get(..depth).unwrap_or(&[]));
                }
            }
        }
        false
    }
}

impl Node {
    fn value(&self) -> Value {
        match &self.content {
            Content::Table(children) => {
                Value::from(children.iter().map(|(key, node)| (key.clone(), node.value())).collect::<BTreeMap<_, _>>())
            }
            Content::List(elements) => {
                Value::from(elements.iter().map(|(_, node)| node.value()).collect::<Vec<Value>>())
            }
            Content::Value(value) => value.clone(),
            Content::Raw(raw) => Value::from(raw.as_str()),
        }
    }

    /// The deepest node on `path`, and its key as the reader knows it.
    fn find(&self, path: &[String]) -> (String, &Node) {
        let mut node = self;
        let mut reached = true;
        let mut place = Vec::new();
        for key in path {
            let (name, child) = match &node.content {
                Content::Table(children) => (key.clone(), children.get(key)),
                Content::List(elements) => match key.parse().ok().and_then(|index: usize| elements.get(index)) {
                    Some((index, child)) => (index.to_string(), Some(child)),
                    None => (key.clone(), None),
                },
                Content::Value(_) | Content::Raw(_) => (key.clone(), None),
            };
            match child.filter(|_| reached) {
                Some(child) => {
                    place.push(name);
                    node = child;
                }
                None => {
                    place.push(key.clone());
                    reached = false;
                }
            }
        }
        (place.join("."), node)
    }

    fn find_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, key| match &mut node.content {
            Content::Table(children) => children.get_mut(key),
            Content::List(elements) => elements.get_mut(key.parse::<usize>().ok()?).map(|(_, child)| child),
            Content::Value(_) | Content::Raw(_) => None,
        })
    }

    /// The line where this is set, and all variables that set it or something in it.
    fn origins(&self) -> Vec<&Origin> {
        let is_line = matches!(self.origin, Origin::Line(_));
        let is_leaf = matches!(self.content, Content::Raw(_) | Content::Value(_));
        let mut origins: Vec<&Origin> = if is_line || is_leaf { vec![&self.origin] } else { Vec::new() };
        if let Content::Table(children) = &self.content {
            let variables = children.values().flat_map(Node::origins);
            origins.extend(variables.filter(|origin| matches!(origin, Origin::Variable(_))));
        }
        origins
    }
}

fn table_content(table: &DeTable<'_>, line: &impl Fn(usize) -> usize) -> Content {
    let child = |key: &toml::Spanned<_>, value| Node {
        origin: Origin::Line(line(key.span().start)),
        content: content(value, line),
    };
    Content::Table(table.iter().map(|(key, value)| (key.get_ref().to_string(), child(key, value.get_ref()))).collect())
}

fn content(value: &DeValue<'_>, line: &impl Fn(usize) -> usize) -> Content {
    let element = |element: &toml::Spanned<DeValue<'_>>| Node {
        origin: Origin::Line(line(element.span().start)),
        content: content(element.get_ref(), line),
    };
    Content::Value(match value {
        DeValue::Table(table) => return table_content(table, line),
        DeValue::Array(array) => return Content::List(array.iter().map(element).enumerate().collect()),
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(boolean) => Value::from(*boolean),
        DeValue::Datetime(datetime) => Value::from(datetime.to_string()),
        // A number that fits nothing becomes text, which serde refuses with the key's place.
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::from)
            .unwrap_or_else(|_| Value::from(integer.to_string())),
        DeValue::Float(float) => {
            float.as_str().parse::<f64>().map(Value::from).unwrap_or_else(|_| Value::from(float.to_string()))
        }
    })
}

fn unread(node: &Node, value: &Value, path: &mut Vec<String>, problems: &mut Vec<Problem>) {
    let (Content::Table(children), Value::Dict(_, known)) = (&node.content, value) else { return };
    for (key, child) in children {
        path.push(key.clone());
        match known.get(key) {
            Some(inner) => unread(child, inner, path, problems),
            None => problems.extend(child.origins().into_iter().map(|origin| Problem {
                origin: origin.clone(),
                key: path.join("."),
                message: "no such key".to_owned(),
            })),
        }
        path.pop();
    }
}
