//! Records: values by field, independent of the format.

use crate::field::{Field, Marks};
use model::{Attribute, Text};
use std::borrow::Cow;
use std::cell::Cell;

/// A single value of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Scalar<'a> {
    /// Nothing.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(Cow<'a, str>),
}

/// The values of one record: known ones by field, unknown ones by name. Reused for the next record.
pub(crate) struct Record<'a> {
    /// Bit i is set if field i has a value in this record. Otherwise `values[i]` belongs to an earlier record.
    present: u128,
    values: [Scalar<'a>; Field::COUNT],
    /// What the spellings of all fields so far have in common.
    marks: Marks,
    /// The fields that have a value which could not be read.
    unread: Cell<u128>,
    unknown: Vec<(Cow<'a, str>, Scalar<'a>)>,
}

const _: () = assert!(Field::COUNT <= 128, "`present` has one bit per field");

/// Longest text of a known field, in bytes; the rest is cut. A choice, above the length of real user agents.
const TEXT_LIMIT: usize = 512;
/// Longest name or value of an unknown field, in bytes; the rest is cut. A choice, to bound an activity's size.
const ATTRIBUTE_LIMIT: usize = 256;
/// Most unknown fields of a record; the rest are dropped. A choice, to bound an activity's size.
const MAX_ATTRIBUTES: usize = 32;
/// Largest count: 2^53, up to which a double holds every whole number.
const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

impl<'a> Record<'a> {
    pub(crate) fn new() -> Self {
        Self {
            present: 0,
            values: std::array::from_fn(|_| Scalar::Null),
            marks: Marks::ALL,
            unread: Cell::new(0),
            unknown: Vec::new(),
        }
    }

    /// Removes all values.
    pub(crate) fn clear(&mut self) {
        self.present = 0;
        self.marks = Marks::ALL;
        self.unread.set(0);
        self.unknown.clear();
    }

    /// Sets a field, unless it already has a value: a record may contain two spellings of one field. Ignores empty values.
    #[inline]
    pub(crate) fn set(&mut self, field: Field, value: Scalar<'a>) {
        let is_empty = match &value {
            Scalar::Null => true,
            Scalar::Text(text) => text.bytes().all(|byte| byte.is_ascii_whitespace()),
            Scalar::Bool(_) | Scalar::Number(_) => false,
        };
        let bit = 1u128 << field as u32;
        if is_empty || self.present & bit != 0 {
            return;
        }
        if let Some(slot) = self.values.get_mut(field as usize) {
            *slot = value;
            self.present |= bit;
        }
    }

    /// Like [`Record::set`], for a field that is spelled with `marks`.
    pub(crate) fn set_spelled(&mut self, field: Field, marks: Marks, value: Scalar<'a>) {
        self.marks = self.marks.and(marks);
        self.set(field, value);
    }

    /// Returns what the spellings of all fields have in common.
    pub(crate) fn marks(&self) -> Marks {
        self.marks
    }

    /// Notes that the value of a field cannot be read.
    pub(crate) fn set_unread(&self, field: Field) {
        self.unread.set(self.unread.get() | 1u128 << field as u32);
    }

    /// Returns the fields with a value that cannot be read.
    pub(crate) fn unread(&self) -> impl Iterator<Item = Field> {
        let unread = self.unread.get();
        // Almost all records have none.
        let all: &[Field] = if unread == 0 { &[] } else { Field::ALL };
        all.iter().copied().filter(move |field| unread & (1u128 << *field as u32) != 0)
    }

    /// Keeps the value of a field that the dictionary does not contain, up to [`MAX_ATTRIBUTES`].
    pub(crate) fn set_unknown(&mut self, name: Cow<'a, str>, value: Scalar<'a>) {
        if self.unknown.len() < MAX_ATTRIBUTES {
            self.unknown.push((name, value));
        }
    }

    /// Returns the value of a field; `Null` if it has none.
    #[inline]
    pub(crate) fn get(&self, field: Field) -> &Scalar<'a> {
        let is_present = self.present & (1u128 << field as u32) != 0;
        self.values.get(field as usize).filter(|_| is_present).unwrap_or(&Scalar::Null)
    }

    /// Returns the text of a field, trimmed; `None` if it is not a text.
    pub(crate) fn str(&self, field: Field) -> Option<&str> {
        match self.get(field) {
            Scalar::Text(text) => Some(text.trim_ascii()),
            _ => None,
        }
    }

    /// Returns a field as text of at most [`TEXT_LIMIT`] bytes, also if it is a number or a truth value.
    pub(crate) fn text(&self, field: Field) -> Option<Text> {
        self.get(field).to_text(TEXT_LIMIT)
    }

    /// Returns the text of a field that identifies something; `None` for words by which tools write that there is none.
    pub(crate) fn key(&self, field: Field) -> Option<Text> {
        self.text(field).filter(|text| !is_nothing(text))
    }

    /// Returns the text of the first of the fields that has a value.
    pub(crate) fn first(&self, fields: &[Field]) -> Option<Text> {
        fields.iter().find_map(|field| self.text(*field))
    }

    /// Like [`Record::first`], with Salesforce ids of 15 characters converted to 18.
    pub(crate) fn id(&self, fields: &[Field]) -> Option<Text> {
        self.first(fields).map(|text| model::id::normalize(&text))
    }

    /// Returns a finite number, from a number or a text that contains one.
    #[inline]
    pub(crate) fn number(&self, field: Field) -> Option<f64> {
        match self.get(field) {
            Scalar::Null => None,
            Scalar::Number(number) => Some(*number).filter(|number| number.is_finite()),
            other => self.other_number(field, other),
        }
    }

    /// Returns the number that a text contains; notes other values.
    fn other_number(&self, field: Field, value: &Scalar<'a>) -> Option<f64> {
        let number = match value {
            Scalar::Text(text) => read_number(text.trim_ascii()),
            _ => None,
        };
        if number.is_none() {
            self.set_unread(field);
        }
        number.filter(|number| number.is_finite())
    }

    /// Returns a count; `None` for negative numbers (Salesforce writes −1 for unknown) and for numbers above 2^53.
    pub(crate) fn count(&self, field: Field) -> Option<u64> {
        if let Scalar::Text(text) = self.get(field)
            && let Some(count) = with_points(text.trim_ascii())
        {
            if count.is_none() {
                self.set_unread(field);
            }
            return count;
        }
        let number = self.number(field)?;
        (0.0..=MAX_COUNT).contains(&number).then_some(number as u64)
    }

    /// Returns the unknown fields that have a value.
    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        let attribute = |(name, value): &(Cow<'a, str>, Scalar<'a>)| {
            let value = value.to_text(ATTRIBUTE_LIMIT)?;
            Some(Attribute { name: Text::new(cut(name, ATTRIBUTE_LIMIT)), value })
        };
        self.unknown.iter().filter_map(attribute).collect()
    }

    /// Returns a known field as an attribute called `name`.
    pub(crate) fn attribute(&self, field: Field, name: &'static str) -> Option<Attribute> {
        Some(Attribute { name: Text::const_new(name), value: self.get(field).to_text(ATTRIBUTE_LIMIT)? })
    }
}

impl Scalar<'_> {
    /// Returns whether the value is a text for which `is` holds.
    pub(crate) fn is_text(&self, is: impl FnOnce(&str) -> bool) -> bool {
        matches!(self, Self::Text(text) if is(text.trim_ascii()))
    }

    /// Returns the value as text of at most `limit` bytes; `None` if it is empty.
    pub(crate) fn to_text(&self, limit: usize) -> Option<Text> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(Text::const_new(if *value { "true" } else { "false" })),
            Self::Number(number) => Some(Text::from(number.to_string())),
            Self::Text(text) => {
                let text = cut(text.trim_ascii(), limit);
                (!text.is_empty()).then(|| Text::new(text))
            }
        }
    }
}

/// Reads a number, with or without separators between thousands: `1234567.5`, `1,234,567.5`, `2e3`. `None` if the text is
/// none; NaN for the texts that stand for no number.
fn read_number(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    if is_nothing(text) {
        return Some(f64::NAN);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut groups = whole.split([',', ' ', '\'', '\u{a0}', '\u{202f}']);
    let first = groups.next()?.trim_start_matches('-');
    let are_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let is_grouped = (1..=3).contains(&first.len())
        && are_digits(first)
        && are_digits(fraction)
        && groups.all(|group| group.len() == 3 && are_digits(group));
    let plain = |c: &char| c.is_ascii_digit() || matches!(c, '.' | '-');
    is_grouped.then(|| text.chars().filter(plain).collect::<String>())?.parse().ok()
}

/// Reads a count with points between thousands: `1.234.567`, `1.500`. `None` if it has none; `Some(None)` for `2.000`, which
/// another tool may mean as two, with three decimals.
fn with_points(text: &str) -> Option<Option<u64>> {
    let mut groups = text.split('.');
    let first = groups.next()?;
    let are_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let rest: Vec<_> = groups.collect();
    let is_grouped = (1..=3).contains(&first.len())
        && are_digits(first)
        && first != "0"
        && !rest.is_empty()
        && rest.iter().all(|group| group.len() == 3 && are_digits(group));
    let is_ambiguous = rest.as_slice() == ["000"];
    is_grouped.then(|| text.replace('.', "").parse().ok().filter(|_| !is_ambiguous))
}

/// Returns whether a text is a word by which databases and libraries write that there is no value.
pub(crate) fn is_nothing(text: &str) -> bool {
    let words = ["null", "(null)", "none", "nan", "n/a", "na", "nil", "undefined", "unknown", "-", "--", "\\n", "#n/a"];
    text.len() <= 9 && words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Cuts `text` to at most `limit` bytes, between characters.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_not_negative_and_finite() {
        let check = |value: Scalar<'static>, expect| {
            let mut record = Record::new();
            record.set(Field::Rows, value);
            assert_eq!(record.count(Field::Rows), expect);
        };
        check(Scalar::Number(20680.0), Some(20680));
        check(Scalar::Text("27".into()), Some(27));
        check(Scalar::Text(" 1.5e3 ".into()), Some(1500));
        check(Scalar::Number(-1.0), None);
        check(Scalar::Text("-1".into()), None);
        check(Scalar::Text("".into()), None);
        check(Scalar::Text("NaN".into()), None);
        check(Scalar::Text("inf".into()), None);
        check(Scalar::Number(1e300), None);
        check(Scalar::Null, None);
        check(Scalar::Text("2,000".into()), Some(2000));
        check(Scalar::Text("1,234,567.0".into()), Some(1_234_567));
        check(Scalar::Text("12,34".into()), None);
        check(Scalar::Text("1.234.567".into()), Some(1_234_567));
        check(Scalar::Text("1.500".into()), Some(1500));
        check(Scalar::Text("2.000".into()), None);
        check(Scalar::Text("2000.000".into()), Some(2000));
        check(Scalar::Text("0.000".into()), Some(0));
    }

    #[test]
    fn values_that_cannot_be_read_are_noted_by_field() {
        let unread = |value: Scalar<'static>| {
            let mut record = Record::new();
            record.set(Field::Rows, value);
            record.count(Field::Rows);
            record.unread().collect::<Vec<_>>()
        };
        assert_eq!(unread(Scalar::Text("50 rows".into())), [Field::Rows]);
        assert_eq!(unread(Scalar::Bool(true)), [Field::Rows]);
        assert_eq!(unread(Scalar::Text("2.000".into())), [Field::Rows]);
        for value in [Scalar::Text("-1".into()), Scalar::Text("NaN".into()), Scalar::Text(" ".into()), Scalar::Null] {
            assert_eq!(unread(value), []);
        }
    }

    #[test]
    fn a_cleared_record_has_no_values() {
        let mut record = Record::new();
        record.set(Field::Rows, Scalar::Number(1.0));
        record.set_unknown("A".into(), Scalar::Number(1.5));
        assert_eq!(record.attributes().len(), 1);
        record.clear();
        assert_eq!((record.count(Field::Rows), record.attributes()), (None, vec![]));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
