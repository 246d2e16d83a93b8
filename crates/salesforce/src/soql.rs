//! Reads from a query's text which object it reads, and how far it reaches.
//!
//! The text is read once, without allocation. What is no SOQL that this understands is unknown, never narrow or broad.

mod condition;
mod token;

use model::Scope;
use token::{Token, Tokens};

/// What a query's text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    /// The object after `FROM`.
    pub(crate) object: &'a str,
    /// [`Scope::Count`] if it returns one row about all, such as their number, [`Scope::Selected`] if it selects records by an indexed field or reads only a
    /// few, the scope after `USING SCOPE`, otherwise [`Scope::All`].
    pub(crate) scope: Scope,
}

/// Reads a query. `scope_of` returns the scope that Salesforce spells so. Returns `None` if the text is no SOQL.
pub(crate) fn read(text: &str, scope_of: fn(&str) -> Option<Scope>) -> Option<Query<'_>> {
    let mut tokens = Tokens::new(text);
    if !tokens.take_word("SELECT") {
        return None;
    }
    let clauses = Clauses::read(&mut tokens, 0)?;
    let scope = match clauses {
        Clauses { counts: true, .. } => Scope::Count,
        Clauses { selects: true, .. } => Scope::Selected,
        Clauses { limit: Some(limit), all_fields: false, .. } if limit <= FEW => Scope::Selected,
        Clauses { using, .. } => using.and_then(scope_of).unwrap_or(Scope::All),
    };
    Some(Query { object: clauses.object, scope })
}

/// Rows up to which a query samples an object instead of reading it. A choice: the smallest batch of the query API, to which
/// `FIELDS(ALL)` is limited, so that a limit says nothing there.
const FEW: u64 = 200;
/// Levels of parentheses that are read. A choice: Salesforce allows five levels of subqueries.
const MOST_LEVELS: u32 = 16;

/// The clauses of a query that decide how far it reaches.
#[derive(Clone, Copy, Debug)]
struct Clauses<'a> {
    object: &'a str,
    /// Whether it returns one row about all records, such as their number.
    counts: bool,
    all_fields: bool,
    /// The word after `USING SCOPE`.
    using: Option<&'a str>,
    /// Whether the condition selects records by an indexed field.
    selects: bool,
    limit: Option<u64>,
}

impl<'a> Clauses<'a> {
    /// Reads what follows `SELECT`, up to the end of the text, or of the parentheses that a subquery is in.
    fn read(tokens: &mut Tokens<'a>, level: u32) -> Option<Self> {
        if level > MOST_LEVELS {
            return None;
        }
        let (counts, all_fields) = fields(tokens)?;
        let Some(Token::Word(object)) = tokens.next() else { return None };
        let mut clauses = Self { object, counts, all_fields, using: None, selects: false, limit: None };
        loop {
            match tokens.next() {
                None if level == 0 && tokens.are_whole() => return Some(clauses),
                Some(Token::Mark(b')')) if level > 0 => return Some(clauses),
                None | Some(Token::Mark(b')')) => return None,
                Some(Token::Mark(b'(')) => tokens.skip_group().map(|_| ())?,
                Some(Token::Word(word)) => clauses.read_clause(word, tokens, level)?,
                Some(_) => {}
            }
        }
    }

    fn read_clause(&mut self, word: &str, tokens: &mut Tokens<'a>, level: u32) -> Option<()> {
        if word.eq_ignore_ascii_case("WHERE") {
            self.selects = condition::selects(tokens, level)?;
        } else if word.eq_ignore_ascii_case("LIMIT") {
            // A bound variable says nothing.
            if let Some(Token::Word(limit)) = tokens.next() {
                self.limit = limit.parse().ok();
            }
        } else if word.eq_ignore_ascii_case("OFFSET") {
            // One page of many.
            self.limit = None;
        } else if word.eq_ignore_ascii_case("GROUP") {
            self.counts = false;
        } else if word.eq_ignore_ascii_case("SCOPE")
            && let Some(Token::Word(scope)) = tokens.next()
        {
            self.using = Some(scope);
        }
        Some(())
    }
}

/// Reads the list of fields up to `FROM`. Returns whether it has aggregates alone, and whether it is all fields.
fn fields(tokens: &mut Tokens<'_>) -> Option<(bool, bool)> {
    const AGGREGATES: [&str; 6] = ["COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"];
    let (mut counts, mut all_fields) = (true, false);
    let (mut is_empty, mut is_aggregate) = (true, false);
    let mut before = "";
    loop {
        match tokens.next()? {
            Token::Word(word) if word.eq_ignore_ascii_case("FROM") => {
                return (!is_empty).then_some((counts && is_aggregate, all_fields));
            }
            Token::Word(word) => before = word,
            Token::Mark(b'(') => {
                let inside = tokens.skip_group()?;
                is_aggregate |= AGGREGATES.iter().any(|function| before.eq_ignore_ascii_case(function));
                all_fields |= before.eq_ignore_ascii_case("FIELDS")
                    && inside.is_some_and(|word| word.eq_ignore_ascii_case("ALL"));
                before = "";
            }
            Token::Mark(b',') => (counts, is_aggregate, before) = (counts && is_aggregate, false, ""),
            Token::Mark(_) | Token::Text(_) | Token::Bind => return None,
        }
        is_empty = false;
    }
}

#[cfg(test)]
mod tests;
