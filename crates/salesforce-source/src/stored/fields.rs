//! Selects the fields of an object.

use salesforce_client::Description;

pub(super) const TIME: &str = "EventDate";
pub(super) const IDENTIFIER: &str = "EventIdentifier";

/// Returns the fields that orgwatch uses and the user may read, as Salesforce spells them. The identifier comes first, so
/// that the start of a record has it.
///
/// # Errors
/// If the object cannot be read: a text that says what an operator must do.
pub(super) fn select(description: &Description) -> Result<Vec<String>, String> {
    let name = &description.name;
    if !description.is_queryable {
        return Err(format!("{name} cannot be queried: {ENABLE}"));
    }
    let has = |wanted: &str| description.fields.iter().any(|field| field.name.eq_ignore_ascii_case(wanted));
    if let Some(hidden) = [TIME, IDENTIFIER].into_iter().find(|wanted| !has(wanted)) {
        return Err(format!("{name}: the user may not read the field {hidden}: make it visible to the user"));
    }
    let mut fields: Vec<String> = description.fields.iter().map(|field| field.name.clone()).collect();
    fields.retain(|field| salesforce::wants(field));
    fields.sort_by_key(|field| !field.eq_ignore_ascii_case(IDENTIFIER));
    Ok(fields)
}

/// The advice for an object that cannot be read.
pub(super) const ENABLE: &str = "store it under Setup, Event Manager, and give the user the permission View Real-Time \
                                 Event Monitoring Data";

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce_client::Field;

    fn description(names: &[&str]) -> Description {
        let field = |name: &&str| Field { name: (*name).to_owned(), kind: "string".to_owned() };
        Description { name: "UriEvent".to_owned(), is_queryable: true, fields: names.iter().map(field).collect() }
    }

    #[test]
    fn r9_only_readable_and_used_fields() {
        let there = description(&["Id", "EventDate", "EventIdentifier", "UserName", "Records", "NewIn70", "Uri"]);
        assert_eq!(select(&there).unwrap(), ["EventIdentifier", "EventDate", "UserName", "Uri"]);
    }

    #[test]
    fn an_object_needs_time_and_identifier() {
        let check = |description: &Description, expect: &str| {
            let problem = select(description).unwrap_err();
            assert!(problem.contains(expect), "{problem}");
        };
        check(&description(&["EventDate", "UserId"]), "the field EventIdentifier");
        check(&description(&["EventIdentifier", "UserId"]), "the field EventDate");
        check(&Description { is_queryable: false, ..description(&["EventDate"]) }, "Event Manager");
    }
}
