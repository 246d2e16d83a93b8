//! Schemas of the words and sets that decisions have from the model.

use model::decision::WatchCause;
use model::{Disposition, UserClass};
use store::Role;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Object, RefOr};

/// Hours from the first to the last, each 0 to 23.
const HOURS: &str = "^([01]?[0-9]|2[0-3])-([01]?[0-9]|2[0-3])$";

/// Returns the schema of a disposition.
pub(super) fn dispositions() -> Object {
    words("What the incidents were.", Disposition::ALL.iter().map(|word| word.as_str())).build()
}

/// Returns the schema of a class of accounts.
pub(super) fn classes() -> Object {
    words("The class.", UserClass::ALL.iter().map(|word| word.as_str())).build()
}

/// Returns the schema of the cause of a watch.
pub(super) fn causes() -> Object {
    words("Why the account is watched.", WatchCause::ALL.iter().map(|word| word.as_str())).build()
}

/// Returns the schema of roles by org.
pub(crate) fn roles() -> Object {
    let role = words("The role.", Role::ALL.into_iter().map(Role::as_str)).build();
    let description = "The role by the id of the org; `*` stands for all orgs.";
    let roles = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    roles.additional_properties(Some(RefOr::T(Schema::Object(role)))).build()
}

/// Returns the schema of a text that is one of these words.
pub(crate) fn words(description: &str, words: impl Iterator<Item = &'static str>) -> ObjectBuilder {
    text(description).enum_values(Some(words))
}

/// Returns the schema of a text of these words, separated by commas.
pub(crate) fn list_of(description: &str, words: impl Iterator<Item = &'static str>) -> Object {
    let word = format!(r"\s*({})?\s*", words.collect::<Vec<_>>().join("|"));
    text(description).pattern(Some(format!("^{word}(,{word})*$"))).build()
}

/// Returns the schema of a set of findings.
pub(super) fn scope() -> Object {
    let classes = words("A class.", UserClass::ALL.iter().map(|word| word.as_str()));
    let description = "Findings that agree with every key that is given. A list agrees with any of its values.";
    set(
        description,
        [
            ("classes", list("Classes of accounts.", classes)),
            ("detectors", list("Detectors.", text("Name of a detector."))),
            ("objects", list("All objects that the finding names are among them.", text("API name of an object."))),
            ("resources", list("Reports, list views, files or pages.", text("Id or name."))),
            ("networks", list("All addresses of the finding are in them.", network())),
            ("clients", list("Types of clients.", text("Such as `Chrome on macOS`."))),
            ("apps", list("Connected apps.", text("Name of an app."))),
            ("hours", hours()),
        ],
    )
}

/// Returns the schema of what is expected of an integration.
pub(super) fn allowlist() -> Object {
    let rows = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
    let rows = rows.description(Some("The most rows that it reads in a day.")).build();
    set(
        "What is expected of the account; a list that is empty says nothing.",
        [
            ("hours", hours()),
            ("networks", list("Networks that it comes from.", network())),
            ("clients", list("Types of clients.", text("Such as `Chrome on macOS`."))),
            ("objects", list("Objects that it reads.", text("API name of an object."))),
            ("most_rows", rows.into()),
        ],
    )
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn network() -> ObjectBuilder {
    text("A network, such as `203.0.113.0/24`, or an address.")
}

fn hours() -> RefOr<Schema> {
    text("Hours of the day in UTC, such as `8-17`; `22-5` passes midnight.").pattern(Some(HOURS)).build().into()
}

fn list(description: &str, items: ObjectBuilder) -> RefOr<Schema> {
    ArrayBuilder::new().items(items).description(Some(description)).build().into()
}

/// Returns the schema of an object without other keys than these, none of which has to be there.
fn set<const N: usize>(description: &str, keys: [(&str, RefOr<Schema>); N]) -> Object {
    let set = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    let set = set.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    keys.into_iter().fold(set, |set, (key, schema)| set.property(key, schema)).build()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::decision::{Allowlist, Hours, Network, Scope};
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn sets_are_described_with_the_keys_that_they_have() {
        let check = |described: Object, full: serde_json::Value| {
            let described: BTreeSet<String> = described.properties.into_keys().collect();
            assert_eq!(described, full.as_object().unwrap().keys().cloned().collect());
        };
        let hours = Hours::parse("8-17");
        let networks = BTreeSet::from([Network::parse("203.0.113.0/24").unwrap()]);
        let words = BTreeSet::from(["a".into()]);
        let (objects, clients) = (words.clone(), words.clone());
        let full = Allowlist { hours, networks: networks.clone(), clients, objects, most_rows: Some(1) };
        check(allowlist(), json!(full));
        let full = Scope {
            classes: BTreeSet::from([UserClass::Admin]),
            detectors: words.clone(),
            objects: words.clone(),
            resources: words.clone(),
            networks,
            clients: words.clone(),
            apps: words,
            hours,
        };
        check(scope(), json!(full));
    }
}
