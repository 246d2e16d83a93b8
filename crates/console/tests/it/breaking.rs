//! What clients rely on stays: the description of the API against that of the last release.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a schema is of: what clients send, or what they read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Sent,
    Read,
}

/// Two descriptions, and what the second lacks.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    breaks: Vec<String>,
    /// References that are being compared, as schemas may contain themselves.
    open: Vec<String>,
}

/// Returns what a client of the old description cannot do with the new one, or no longer finds.
fn breaks(old: &Value, new: &Value) -> Vec<String> {
    let mut comparison = Comparison { old, new, breaks: Vec::new(), open: Vec::new() };
    for (path, operations) in old["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                Some(later) => comparison.operation(&place, operation, later),
                None => comparison.note(&place, "is gone"),
            }
        }
    }
    comparison.breaks
}

impl Comparison<'_> {
    fn note(&mut self, place: &str, what: &str) {
        self.breaks.push(format!("{place}: {what}"));
    }

    fn operation(&mut self, place: &str, old: &Value, new: &Value) {
        let parameters = |operation: &Value| operation["parameters"].as_array().cloned().unwrap_or_default();
        let same = |a: &Value, b: &Value| a["name"] == b["name"] && a["in"] == b["in"];
        for parameter in parameters(old) {
            let place = format!("{place}, parameter {}", parameter["name"]);
            match parameters(new).iter().find(|later| same(later, &parameter)) {
                Some(later) => self.schema(&place, &parameter["schema"], &later["schema"], Side::Sent),
                None => self.note(&place, "is gone"),
            }
        }
        for later in parameters(new) {
            let was_required = parameters(old).iter().any(|old| same(old, &later) && old["required"] == true);
            if later["required"] == true && !was_required {
                self.note(place, &format!("takes parameter {}", later["name"]));
            }
        }
        let bodies = |answer: &Value| answer["content"].as_object().cloned().unwrap_or_default();
        for (kind, body) in bodies(&old["requestBody"]) {
            match new["requestBody"]["content"].get(&kind) {
                Some(later) => self.schema(&format!("{place}, body"), &body["schema"], &later["schema"], Side::Sent),
                None => self.note(place, &format!("takes no body of type {kind}")),
            }
        }
        for (status, answer) in old["responses"].as_object().unwrap() {
            let place = format!("{place}, answer {status}");
            for (kind, body) in bodies(answer) {
                match new["responses"][status]["content"].get(&kind) {
                    Some(later) => self.schema(&place, &body["schema"], &later["schema"], Side::Read),
                    None => self.note(&place, &format!("is not of type {kind}")),
                }
            }
        }
    }

    fn schema(&mut self, place: &str, old: &Value, new: &Value, side: Side) {
        let names = format!("{} {} {}", old["$ref"], new["$ref"], side == Side::Sent);
        if old["$ref"].is_string() && self.open.contains(&names) {
            return;
        }
        self.open.push(names);
        let (old, new) = (resolved(self.old, old).clone(), resolved(self.new, new).clone());
        self.resolved(place, &old, &new, side);
        self.open.pop();
    }

    fn resolved(&mut self, place: &str, old: &Value, new: &Value, side: Side) {
        let (was, is) = (words(&old["type"]), words(&new["type"]));
        let fits = match side {
            Side::Sent => is.is_empty() || was.is_subset(&is),
            Side::Read => was.is_empty() || is.is_subset(&was),
        };
        if !fits {
            self.note(place, &format!("was of type {was:?}, is of type {is:?}"));
        }
        if side == Side::Sent && !new["enum"].is_null() && !words(&old["enum"]).is_subset(&words(&new["enum"])) {
            self.note(place, "takes fewer values");
        }
        let variants = |document: &Value, schema: &Value| -> Vec<(String, Value)> {
            let all = schema["oneOf"].as_array().into_iter().flatten().enumerate();
            all.map(|(number, variant)| (kind(document, number, variant), variant.clone())).collect()
        };
        let later = variants(self.new, new);
        for (kind, variant) in variants(self.old, old) {
            match later.iter().find(|(of, _)| *of == kind) {
                Some((_, later)) => self.schema(&format!("{place}, {kind}"), &variant, later, side),
                None => self.note(place, &format!("has no variant {kind}")),
            }
        }
        let (old_fields, new_fields) = (fields(old), fields(new));
        for (name, schema) in &old_fields {
            let place = format!("{place}, {name}");
            match new_fields.get(name) {
                Some(later) => self.schema(&place, schema, later, side),
                None => self.note(&place, "is gone"),
            }
        }
        let (was, is) = (words(&old["required"]), words(&new["required"]));
        let lost = match side {
            Side::Sent => is.difference(&was).cloned().collect::<Vec<_>>(),
            Side::Read => was.difference(&is).cloned().collect(),
        };
        if !lost.is_empty() {
            let what = if side == Side::Sent { "takes" } else { "may lack" };
            self.note(place, &format!("{what} {}", lost.join(", ")));
        }
        if old["items"].is_object() {
            self.schema(&format!("{place}, items"), &old["items"], &new["items"], side);
        }
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap(),
        None => schema,
    }
}

/// Returns what sets a variant apart: the constant of its field `kind`, or else its number.
fn kind(document: &Value, number: usize, variant: &Value) -> String {
    let kind = &resolved(document, variant)["properties"]["kind"];
    let constant = [&kind["const"], &kind["enum"]].into_iter().find(|constant| !constant.is_null());
    constant.map_or(format!("variant {number}"), Value::to_string)
}

fn words(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(all) => all.iter().map(|word| word.as_str().map_or(word.to_string(), str::to_owned)).collect(),
        Value::String(word) => [word.clone()].into(),
        _ => BTreeSet::new(),
    }
}

/// Returns the fields of an object.
fn fields(schema: &Value) -> Map<String, Value> {
    schema["properties"].as_object().cloned().unwrap_or_default()
}

fn present() -> Value {
    serde_json::to_value(console::openapi()).unwrap()
}

/// The example `describe` writes the file, for a release.
#[test]
fn nothing_that_clients_rely_on_is_gone() {
    let released = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let old: Value = serde_json::from_str(&std::fs::read_to_string(released).unwrap()).unwrap();
    assert_eq!(breaks(&old, &present()), Vec::<String>::new());
}

#[test]
fn what_breaks_clients_is_found() {
    let check = |pointer: &str, change: fn(&mut Value), expect: &[&str]| {
        let (old, mut new) = (present(), present());
        change(new.pointer_mut(pointer).unwrap());
        let found = breaks(&old, &new);
        assert_eq!(found.iter().filter(|found| expect.iter().any(|part| found.contains(part))).count(), found.len());
        assert!(!found.is_empty() || expect.is_empty(), "{pointer}");
    };
    fn remove(value: &mut Value, name: &str) {
        value.as_object_mut().unwrap().remove(name).unwrap();
    }
    fn put(value: &mut Value, name: &str, new: Value) {
        value.as_object_mut().unwrap().insert(name.to_owned(), new);
    }
    check("/paths/~1v1~1orgs", |path| remove(path, "get"), &["GET /v1/orgs: is gone"]);
    check("/components/schemas/Org/properties", |fields| remove(fields, "role"), &["role: is gone"]);
    check("/components/schemas/Org", |org| put(org, "required", Value::Array(Vec::new())), &["may lack"]);
    check("/components/schemas/Org/properties/role", |role| put(role, "type", "integer".into()), &["was of type"]);
    check("/components/schemas/Reason/properties", |fields| put(fields, "more", true.into()), &[]);
    check(
        "/components/schemas/Reason",
        |reason| put(reason, "required", vec!["reason", "more"].into()),
        &["takes more"],
    );
    check("/components/schemas/Org/properties", |fields| put(fields, "more", true.into()), &[]);
    let variants = "/components/schemas/Ruling/oneOf";
    check(variants, |all| drop(all.as_array_mut().unwrap().remove(0)), &["has no variant"]);
}
