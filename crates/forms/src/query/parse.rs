//! Parameters to a query.

use super::{Answer, Cursor, Direction, Filter, GroupKey, Query, QueryError, Sort};
use crate::describe::Property;
use crate::tenant::Field;

/// Parameters as they were given, each at most once except for filters.
#[derive(Default)]
pub(super) struct Parameters {
    filters: Vec<Filter>,
    fields: Option<String>,
    group: Option<String>,
    sort: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

impl Parameters {
    /// Adds one. Filters are checked at once.
    pub(super) fn add(&mut self, key: &str, value: &str) -> Result<(), QueryError> {
        let (name, slot) = match key {
            "fields" => ("fields", &mut self.fields),
            "group" => ("group", &mut self.group),
            "sort" => ("sort", &mut self.sort),
            "limit" => ("limit", &mut self.limit),
            "cursor" => ("cursor", &mut self.cursor),
            _ => {
                self.filters.push(Filter::parse(field(key)?, value)?);
                return Ok(());
            }
        };
        if slot.replace(value.to_owned()).is_some() { Err(QueryError::Twice(name)) } else { Ok(()) }
    }

    /// Checks what parameters say together.
    pub(super) fn check(self) -> Result<Query, QueryError> {
        let limit = match &self.limit {
            Some(text) => text.parse().ok().filter(|limit| (1..=Query::MAX_LIMIT).contains(limit)),
            None => Some(Query::DEFAULT_LIMIT),
        };
        let limit = limit.ok_or(QueryError::Limit)?;
        let answer = match &self.group {
            Some(group) => self.groups(group)?,
            None => self.records()?,
        };
        Ok(Query { filters: self.filters, answer, limit })
    }

    fn records(&self) -> Result<Answer, QueryError> {
        let fields = match &self.fields {
            Some(fields) => list("fields", fields)?,
            None => Field::ALL.to_vec(),
        };
        let sort =
            self.sort.as_deref().unwrap_or("-EventDate").split(',').map(|key| match key.trim_start_matches('-') {
                "count" => Err(QueryError::CountWithoutGroup),
                _ => sort_field(key),
            });
        let mut sort = sort.collect::<Result<Vec<_>, _>>()?;
        once("sort", sort.iter().map(|sort| sort.key))?;
        if sort.iter().all(|sort| sort.key != Field::DetailIdentifier) {
            sort.push(Sort { key: Field::DetailIdentifier, direction: Direction::Ascending });
        }
        let after = self.cursor.as_deref().map(|text| Cursor::decode(text, &sort)).transpose()?;
        Ok(Answer::Records { fields, sort, after })
    }

    fn groups(&self, group: &str) -> Result<Answer, QueryError> {
        if self.fields.is_some() {
            return Err(QueryError::WithGroup("fields"));
        }
        if self.cursor.is_some() {
            return Err(QueryError::WithGroup("cursor"));
        }
        let by = list("group", group)?;
        for field in &by {
            marked(*field, Property::Group)?;
        }
        let mut sort = Vec::new();
        for key in self.sort.as_deref().unwrap_or("-count").split(',') {
            let sorted = match split(key) {
                ("count", direction) => Sort { key: GroupKey::Count, direction },
                _ => sort_field(key).map(|Sort { key, direction }| Sort { key: GroupKey::Field(key), direction })?,
            };
            match sorted.key {
                GroupKey::Field(field) if !by.contains(&field) => {
                    return Err(QueryError::NotGrouped(field.description().name));
                }
                key if sort.iter().any(|sort: &Sort<GroupKey>| sort.key == key) => {
                    return Err(QueryError::Repeated { parameter: "sort", field: key.name() });
                }
                _ => sort.push(sorted),
            }
        }
        for key in by.iter().copied().map(GroupKey::Field) {
            if sort.iter().all(|sort| sort.key != key) {
                sort.push(Sort { key, direction: Direction::Ascending });
            }
        }
        Ok(Answer::Groups { by, sort })
    }
}

impl GroupKey {
    fn name(self) -> &'static str {
        match self {
            Self::Field(field) => field.description().name,
            Self::Count => "count",
        }
    }
}

fn field(name: &str) -> Result<Field, QueryError> {
    Field::named(name).ok_or_else(|| QueryError::Unknown(name.to_owned()))
}

fn list(parameter: &'static str, text: &str) -> Result<Vec<Field>, QueryError> {
    let fields: Vec<Field> = text.split(',').map(field).collect::<Result<_, _>>()?;
    once(parameter, fields.iter().copied())?;
    Ok(fields)
}

fn once(parameter: &'static str, fields: impl Iterator<Item = Field>) -> Result<(), QueryError> {
    let mut seen = Vec::new();
    for field in fields {
        if seen.contains(&field) {
            return Err(QueryError::Repeated { parameter, field: field.description().name });
        }
        seen.push(field);
    }
    Ok(())
}

fn marked(field: Field, property: Property) -> Result<(), QueryError> {
    let description = field.description();
    if description.has(property) { Ok(()) } else { Err(QueryError::NotMarked { field: description.name, property }) }
}

fn sort_field(key: &str) -> Result<Sort<Field>, QueryError> {
    let (name, direction) = split(key);
    let key = field(name)?;
    marked(key, Property::Sort)?;
    Ok(Sort { key, direction })
}

fn split(key: &str) -> (&str, Direction) {
    match key.strip_prefix('-') {
        Some(name) => (name, Direction::Descending),
        None => (key, Direction::Ascending),
    }
}
