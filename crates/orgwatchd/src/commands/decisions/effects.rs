//! What follows from saying what an incident was, with the days of its account that are held back.

use super::held::{DayEffect, KnownDays, in_words};
use console::decide;
use model::decision::Disposed;
use model::{Incident, Timestamp};
use serde::Serialize;

/// The effects of a disposition, each as a sentence.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::commands) struct Effects {
    #[serde(flatten)]
    said: decide::Effects,
    /// What happens to the days that are held back.
    days: Vec<DayEffect>,
    /// The same as a sentence.
    held_days: String,
}

impl Effects {
    /// Returns the effects of a decision on an incident, with the end of the suppression if there is one. `known` are
    /// the days of its account.
    pub(in crate::commands) fn of(
        incident: &Incident,
        disposed: &Disposed,
        known: &KnownDays,
        suppressed: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        let days = if disposed.teaches { known.disposed(incident, disposed.disposition) } else { Vec::new() };
        let held_days = match known.unknown() {
            _ if !disposed.teaches => "all stay as they are".to_owned(),
            Some(reason) => format!("not known: {reason}"),
            None => in_words(&days),
        };
        Self { said: decide::Effects::of(incident, disposed, suppressed), days, held_days }
    }

    /// Returns the effects in lines.
    pub(in crate::commands) fn text(&self) -> String {
        let decide::Effects { incident_id, user_id, disposition, from, until, learning, precision, suppression } =
            &self.said;
        let (was, held_days) = (disposition.as_str().replace('_', " "), &self.held_days);
        format!(
            "incident {incident_id} of {user_id} was {was}, from {from} to {until}\n  learning: {learning}\n  held \
             days: {held_days}\n  precision: {precision}\n  suppression: {suppression}\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Disposition, UserId, Uuid};

    #[test]
    fn each_effect_is_said() {
        let said = decide::Effects {
            incident_id: Uuid::from_u128(1),
            user_id: UserId::new("emma"),
            disposition: Disposition::FalsePositive,
            from: Timestamp(1_000),
            until: Timestamp(2_001),
            learning: "what it teaches".to_owned(),
            precision: "what it counts".to_owned(),
            suppression: "none".to_owned(),
        };
        assert_eq!(KnownDays::none().unknown().as_deref(), Some("baseline has stored nothing of the account yet"));
        let effects = Effects { said, days: Vec::new(), held_days: in_words(&[]) };
        let expect = "incident 00000000-0000-0000-0000-000000000001 of emma was false positive, from \
                      1970-01-01T00:00:01.000Z to 1970-01-01T00:00:02.001Z\n  learning: what it teaches\n  held days: \
                      none of that time\n  precision: what it counts\n  suppression: none\n";
        assert_eq!(effects.text(), expect);
        assert_eq!(serde_json::json!(effects)["learning"], "what it teaches", "one object");
    }
}
