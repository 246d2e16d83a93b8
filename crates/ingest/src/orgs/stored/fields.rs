//! Which fields of an object are asked for.

use salesforce_client::Description;

pub(super) const TIME: &str = "EventDate";
pub(super) const IDENTIFIER: &str = "EventIdentifier";

/// The fields that are understood and that this user may read, as Salesforce spells them; the identifier first, so that
/// the start of a record names it.
///
/// # Errors
/// With what an operator must do, if the object cannot be read as events.
pub(super) fn select(description: &Description) -> Result<Vec<String>, String> {
    let name = &description.name;
    if !description.is_queryable {
        return Err(format!("{name} cannot be queried: {ENABLE}"));
    }
    let has = |wanted: &str| description.fields.iter().any(|field| field.name.eq_ignore_ascii_case(wanted));
    if let Some(hidden) = [TIME, IDENTIFIER].into_iter().find(|wanted| !has(wanted)) {
        return Err(format!("{name}: the user may not read the field {hidden}: make it visible to them"));
    }
    let mut fields: Vec<String> = description.fields.iter().map(|field| field.name.clone()).collect();
    fields.retain(|field| salesforce::wants(field));
    fields.sort_by_key(|field| !field.eq_ignore_ascii_case(IDENTIFIER));
    Ok(fields)
}

/// What makes an object readable.
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
    fn r9_only_what_is_readable_and_understood() {
        let there = description(&["Id", "EventDate", "EventIdentifier", "UserName", "Records", "NewIn70", "Uri"]);
        assert_eq!(select(&there).unwrap(), ["EventIdentifier", "EventDate", "UserName", "Uri"]);
    }

    #[test]
    fn without_time_or_identity_nothing_can_be_read() {
        let check = |description: &Description, expect: &str| {
            let problem = select(description).unwrap_err();
            assert!(problem.contains(expect), "{problem}");
        };
        check(&description(&["EventDate", "UserId"]), "the field EventIdentifier");
        check(&description(&["EventIdentifier", "UserId"]), "the field EventDate");
        check(&Description { is_queryable: false, ..description(&["EventDate"]) }, "Event Manager");
    }
}
