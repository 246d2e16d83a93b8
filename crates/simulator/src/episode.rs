//! The harmless oddities of single accounts: when each begins and ends.
//!
//! Dates come from gaps counted from the first day, so they do not depend on how many days are simulated.

use crate::account::Class;
use crate::calendar::{Closing, Today};
use crate::dice::{Dice, Stream};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    RoleChange,
    NewLaptop,
    Travel,
    NetworkSwitch,
    ProjectDays,
    PasswordTypo,
    HarmlessLoginAs,
    Deadline,
    MonthEndExport,
    Resync,
    Vacation,
    FalseThreat,
    NewHire,
}

pub(crate) const KINDS: [Kind; 13] = [
    Kind::RoleChange,
    Kind::NewLaptop,
    Kind::Travel,
    Kind::NetworkSwitch,
    Kind::ProjectDays,
    Kind::PasswordTypo,
    Kind::HarmlessLoginAs,
    Kind::Deadline,
    Kind::MonthEndExport,
    Kind::Resync,
    Kind::Vacation,
    Kind::FalseThreat,
    Kind::NewHire,
];

/// Days `first..=last` of one oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) kind: Kind,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl Kind {
    /// As confounders name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::RoleChange => "role_change",
            Kind::NewLaptop => "new_laptop",
            Kind::Travel => "travel",
            Kind::NetworkSwitch => "network_switch",
            Kind::ProjectDays => "project_days",
            Kind::PasswordTypo => "password_typo",
            Kind::HarmlessLoginAs => "harmless_login_as",
            Kind::Deadline => "deadline",
            Kind::MonthEndExport => "month_end_export",
            Kind::Resync => "resync",
            Kind::Vacation => "vacation",
            Kind::FalseThreat => "false_threat_event",
            Kind::NewHire => "new_hire",
        }
    }

    /// Mean days between two of these for one account, or none at all for its class.
    fn mean_gap(self, class: Class) -> Option<f64> {
        let person = class.is_person();
        let days = match self {
            Kind::RoleChange if matches!(class, Class::Normal | Class::Power) => 500.0,
            Kind::NewLaptop if person => 400.0,
            Kind::Travel if person => 130.0,
            Kind::NetworkSwitch if person => 16.0,
            Kind::ProjectDays if person => 50.0,
            Kind::PasswordTypo if person => 18.0,
            Kind::HarmlessLoginAs if matches!(class, Class::Normal | Class::Power) => 80.0,
            Kind::Deadline if person => 40.0,
            Kind::Resync if class == Class::Integration => 25.0,
            Kind::Vacation if person => 60.0,
            Kind::FalseThreat if class != Class::System => 900.0,
            _ => return None,
        };
        Some(days)
    }

    fn length(self, dice: &mut Dice) -> u32 {
        match self {
            Kind::RoleChange | Kind::NewLaptop => u32::MAX,
            Kind::Travel => dice.whole(2, 6),
            Kind::ProjectDays => dice.whole(1, 3),
            Kind::Deadline => dice.whole(1, 2),
            Kind::Vacation => dice.whole(2, 9),
            _ => 1,
        }
    }
}

/// All episodes of an account that begin before day `days`, by kind and then by day.
pub(crate) fn episodes(key: u64, user: u32, class: Class, calendar: &[Today]) -> Vec<Episode> {
    let days = calendar.len() as u32;
    let mut episodes = Vec::new();
    for kind in KINDS {
        let mut dice = Dice::numbered(key, Stream::Episode, kind as u32, user, 0);
        match kind {
            Kind::MonthEndExport if class == Class::Power => {
                let closing = |today: &&Today| today.closing != Closing::Ordinary && !today.is_weekend();
                let exports = calendar.iter().filter(closing).filter(|_| dice.chance(0.5));
                episodes.extend(exports.map(|today| Episode { kind, first: today.index, last: today.index }));
            }
            Kind::NewHire if class == Class::Normal && dice.chance(0.08) => {
                let first = 3 + dice.gap(35.0);
                episodes.push(Episode { kind, first, last: first + 13 });
            }
            _ => {
                let Some(mean) = kind.mean_gap(class) else { continue };
                let mut first = dice.gap(mean);
                while first < days {
                    let last = first.saturating_add(kind.length(&mut dice) - 1);
                    episodes.push(Episode { kind, first, last });
                    first = last.saturating_add(dice.gap(mean));
                }
            }
        }
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn episodes_of(days: u32) -> Vec<Episode> {
        let start = "2026-01-05".parse().unwrap();
        let calendar: Vec<Today> = (0..days).map(|index| Today::new(start, index)).collect();
        (0..50).flat_map(|user| episodes(3, user, Class::Power, &calendar)).collect()
    }

    #[test]
    fn more_days_only_add_episodes() {
        let (short, long) = (episodes_of(40), episodes_of(90));
        assert!(short.iter().all(|episode| long.contains(episode)));
        assert!(long.iter().filter(|episode| episode.first < 40).count() == short.len());
    }

    #[test]
    fn episodes_of_one_kind_do_not_overlap() {
        let start = "2026-01-05".parse().unwrap();
        let calendar: Vec<Today> = (0..400).map(|index| Today::new(start, index)).collect();
        for pair in episodes(3, 1, Class::Normal, &calendar).windows(2) {
            assert!(pair[0].kind != pair[1].kind || pair[0].last < pair[1].first, "{pair:?}");
        }
    }
}
