//! Whether the condition of a query selects records: by an id, an owner, a date or another indexed field, on every branch.

use super::token::{Token, Tokens};
use super::{Clauses, MOST_LEVELS};

/// Reads the condition after `WHERE`. Returns whether it selects records; `None` if it cannot be read.
pub(super) fn selects(tokens: &mut Tokens<'_>, level: u32) -> Option<bool> {
    let mut all = true;
    loop {
        all &= alternative(tokens, level)?;
        if !tokens.take_word("OR") {
            return Some(all);
        }
    }
}

/// Reads conditions that must hold together, of which one that selects is enough.
fn alternative(tokens: &mut Tokens<'_>, level: u32) -> Option<bool> {
    let mut any = false;
    loop {
        any |= condition(tokens, level)?;
        if !tokens.take_word("AND") {
            return Some(any);
        }
    }
}

fn condition(tokens: &mut Tokens<'_>, level: u32) -> Option<bool> {
    if level > MOST_LEVELS {
        return None;
    }
    if tokens.take_word("NOT") {
        // All but some records are many.
        return condition(tokens, level + 1).map(|_| false);
    }
    if tokens.take_mark(b'(') {
        let inside = selects(tokens, level + 1)?;
        return tokens.take_mark(b')').then_some(inside);
    }
    let Some(Token::Word(path)) = tokens.next() else { return None };
    let is_computed = tokens.take_mark(b'(');
    if is_computed {
        tokens.skip_group()?;
    }
    let operator = operator(tokens)?;
    let value = value(tokens, level)?;
    let (parents, field) = path.rsplit_once('.').unwrap_or(("", path));
    Some(!is_computed && !is_shared_by_many(parents) && is_selected(field, operator, value))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `=` or `IN`.
    Equals,
    /// `>` or `>=`.
    Above,
    Like,
    /// Leaves most records, or may.
    Other,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Text(&'a str),
    Word(&'a str),
    Bind,
    /// The records of a subquery, and whether that selects them.
    Subquery(bool),
}

fn operator(tokens: &mut Tokens<'_>) -> Option<Operator> {
    Some(match tokens.next()? {
        Token::Mark(b'=') => Operator::Equals,
        Token::Mark(b'>') => {
            tokens.take_mark(b'=');
            Operator::Above
        }
        Token::Mark(b'<') => {
            let _ = tokens.take_mark(b'=') || tokens.take_mark(b'>');
            Operator::Other
        }
        Token::Mark(b'!') => tokens.take_mark(b'=').then_some(Operator::Other)?,
        Token::Word(word) if word.eq_ignore_ascii_case("IN") => Operator::Equals,
        Token::Word(word) if word.eq_ignore_ascii_case("LIKE") => Operator::Like,
        Token::Word(word) if word.eq_ignore_ascii_case("NOT") => tokens.take_word("IN").then_some(Operator::Other)?,
        Token::Word(word) if ["INCLUDES", "EXCLUDES"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
            Operator::Other
        }
        _ => return None,
    })
}

/// Reads a value; of a list the first one, which says what the others are.
fn value<'a>(tokens: &mut Tokens<'a>, level: u32) -> Option<Value<'a>> {
    match tokens.next()? {
        Token::Text(text) => Some(Value::Text(text)),
        Token::Word(word) => Some(Value::Word(word)),
        Token::Bind => Some(Value::Bind),
        Token::Mark(b'(') if tokens.take_word("SELECT") => {
            Clauses::read(tokens, level + 1).map(|subquery| Value::Subquery(subquery.selects))
        }
        Token::Mark(b'(') => {
            let first = match tokens.peek()? {
                Token::Text(text) => Value::Text(text),
                Token::Word(word) => Value::Word(word),
                Token::Bind => Value::Bind,
                Token::Mark(_) => return None,
            };
            tokens.skip_group().map(|_| first)
        }
        Token::Mark(_) => None,
    }
}

fn is_selected(field: &str, operator: Operator, value: Value<'_>) -> bool {
    if field.eq_ignore_ascii_case("RecordTypeId") {
        // An index that selects a large part of an object.
        return false;
    }
    match (operator, value) {
        (Operator::Equals, Value::Word(word)) if word.eq_ignore_ascii_case("null") => false,
        (Operator::Equals, Value::Subquery(selects)) => selects,
        (Operator::Equals, Value::Text(text)) if is_id(text) => true,
        (Operator::Equals, _) => is_key(field) || is_date(field),
        (Operator::Above, _) => is_date(field),
        (Operator::Like, Value::Text(text)) => is_key(field) && !text.starts_with(['%', '_']),
        _ => false,
    }
}

/// Whether the last of the related records in a path is one that a large part of an object's records have in common.
fn is_shared_by_many(parents: &str) -> bool {
    const SHARED: [&str; 3] = ["RecordType", "Profile", "UserRole"];
    let last = parents.rsplit('.').next().unwrap_or(parents);
    SHARED.iter().any(|shared| last.eq_ignore_ascii_case(shared))
}

/// Whether the text has the form of a Salesforce id: 15 or 18 letters and digits, of which the first three are a prefix such
/// as `001` or `a0B`.
fn is_id(text: &str) -> bool {
    matches!(text.len(), 15 | 18)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().take(3).any(|byte| byte.is_ascii_digit())
}

/// Whether a field holds one of the dates that Salesforce indexes on every object.
fn is_date(field: &str) -> bool {
    const DATES: [&str; 3] = ["CreatedDate", "SystemModstamp", "LastModifiedDate"];
    DATES.iter().any(|date| field.eq_ignore_ascii_case(date))
}

/// Whether a field identifies records, or names another record: ids, which end in `Id`, names that are indexed, and external
/// ids by their usual names. A choice: the text does not say which custom fields have an index.
fn is_key(field: &str) -> bool {
    const KEYS: [&str; 10] =
        ["Id", "OwnerId", "AccountId", "ContactId", "ParentId", "Name", "Email", "Username", "Phone", "CaseNumber"];
    const ENDS: [&str; 4] = ["id__c", "key__c", "uuid__c", "number__c"];
    let ends_so = |end: &str| {
        let tail = field.len().checked_sub(end.len()).and_then(|start| field.get(start..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    field.ends_with("Id")
        || KEYS.iter().any(|key| field.eq_ignore_ascii_case(key))
        || ENDS.iter().any(|end| ends_so(end))
}
