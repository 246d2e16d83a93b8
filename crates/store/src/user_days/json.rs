//! The columns in JSON.

use crate::convert::text;
use model::{Band, DayFirsts, DaySurprise, DayUnjudged, DayVolume, Surface, Text};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

pub(super) fn volumes(volumes: &[DayVolume]) -> Value {
    let one = |volume: &DayVolume| {
        let DayVolume { surface, rows, requests, usual } = volume;
        let numbers = match usual {
            Some(Band { expected, low, high }) => json!([rows, requests, expected, low, high]),
            None => json!([rows, requests]),
        };
        (surface.as_str().to_owned(), numbers)
    };
    Value::Object(volumes.iter().map(one).collect())
}

pub(super) fn volume(surface: Surface, of_day: &Value) -> Option<DayVolume> {
    let numbers = of_day.get(surface.as_str())?;
    let number = |index: usize| numbers.get(index).and_then(Value::as_u64);
    let band = || Some(Band { expected: number(2)?, low: number(3)?, high: number(4)? });
    Some(DayVolume { surface, rows: number(0)?, requests: u32::try_from(number(1)?).ok()?, usual: band() })
}

pub(super) fn first_names(firsts: &[DayFirsts]) -> Option<Value> {
    let one = |firsts: &DayFirsts| {
        let names: Vec<Cow<'_, str>> = firsts.names.iter().map(|name| text(name)).collect();
        (firsts.what.as_str().to_owned(), json!(names))
    };
    let names: Map<String, Value> = firsts.iter().filter(|firsts| !firsts.names.is_empty()).map(one).collect();
    (!names.is_empty()).then_some(Value::Object(names))
}

pub(super) fn surprises(surprises: &[DaySurprise]) -> Option<Value> {
    let one = |found: &DaySurprise| (text(&found.detector).into_owned(), json!(found.surprise));
    (!surprises.is_empty()).then(|| Value::Object(surprises.iter().map(one).collect()))
}

/// Unlike the other columns, this one has an empty object where nothing is: null is not known.
pub(super) fn unjudged(unjudged: &[DayUnjudged]) -> Value {
    let one = |DayUnjudged { detector, reason }: &DayUnjudged| (text(detector).into_owned(), json!(text(reason)));
    Value::Object(unjudged.iter().map(one).collect())
}

pub(super) fn reasons(of_day: &Map<String, Value>) -> Vec<DayUnjudged> {
    let reason = |(name, reason): (&String, &Value)| {
        Some(DayUnjudged { detector: name.as_str().into(), reason: reason.as_str()?.into() })
    };
    of_day.iter().filter_map(reason).collect()
}

pub(super) fn texts(names: &Value) -> Vec<Text> {
    names.as_array().into_iter().flatten().filter_map(Value::as_str).map(Text::from).collect()
}
