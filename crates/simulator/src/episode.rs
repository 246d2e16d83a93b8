//! Episodes: periods in which an account behaves unusually and harmlessly.
//!
//! Episodes follow each other in random gaps from the first day on, so their dates do not depend on the number of days.

use crate::account::Class;
use crate::calendar::{Closing, Today};
use crate::dice::{Dice, Stream};

/// What happens in an episode. The numbers select random streams, so the sequence must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum EpisodeKind {
    /// The person moves to another team for good.
    RoleChange,
    /// The person uses another browser and system from now on.
    NewLaptop,
    /// The person works abroad.
    Travel,
    /// A session changes its network for a while.
    NetworkSwitch,
    /// The person works with objects or reports of a project.
    ProjectDays,
    /// The person mistypes the password.
    PasswordTypo,
    /// An administrator logs in as the person, to help.
    HarmlessLoginAs,
    /// The person works in the evening or on a weekend.
    Deadline,
    /// The person exports reports at the end of a month.
    MonthEndExport,
    /// The integration reads everything again.
    Resync,
    /// The person is away.
    Vacation,
    /// Threat Detection reports the account by mistake.
    FalseThreat,
    /// The person's first two weeks.
    NewHire,
}

/// All kinds of episodes.
pub(crate) const KINDS: [EpisodeKind; 13] = [
    EpisodeKind::RoleChange,
    EpisodeKind::NewLaptop,
    EpisodeKind::Travel,
    EpisodeKind::NetworkSwitch,
    EpisodeKind::ProjectDays,
    EpisodeKind::PasswordTypo,
    EpisodeKind::HarmlessLoginAs,
    EpisodeKind::Deadline,
    EpisodeKind::MonthEndExport,
    EpisodeKind::Resync,
    EpisodeKind::Vacation,
    EpisodeKind::FalseThreat,
    EpisodeKind::NewHire,
];

/// One episode, from day `first` to day `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Episode {
    pub(crate) kind: EpisodeKind,
    pub(crate) first: u32,
    pub(crate) last: u32,
}

impl EpisodeKind {
    /// Returns the name of the kind in [`crate::Confounder`].
    pub(crate) fn name(self) -> &'static str {
        match self {
            EpisodeKind::RoleChange => "role_change",
            EpisodeKind::NewLaptop => "new_laptop",
            EpisodeKind::Travel => "travel",
            EpisodeKind::NetworkSwitch => "network_switch",
            EpisodeKind::ProjectDays => "project_days",
            EpisodeKind::PasswordTypo => "password_typo",
            EpisodeKind::HarmlessLoginAs => "harmless_login_as",
            EpisodeKind::Deadline => "deadline",
            EpisodeKind::MonthEndExport => "month_end_export",
            EpisodeKind::Resync => "resync",
            EpisodeKind::Vacation => "vacation",
            EpisodeKind::FalseThreat => "false_threat_event",
            EpisodeKind::NewHire => "new_hire",
        }
    }

    /// Returns the mean days between two episodes of an account, or `None` if its class has none.
    ///
    /// The gaps are choices: rare enough that most days are ordinary, frequent enough that two months show each kind.
    fn mean_gap(self, class: Class) -> Option<f64> {
        let person = class.is_person();
        let days = match self {
            EpisodeKind::RoleChange if matches!(class, Class::Normal | Class::Power) => 500.0,
            EpisodeKind::NewLaptop if person => 400.0,
            EpisodeKind::Travel if person => 130.0,
            EpisodeKind::NetworkSwitch if person => 16.0,
            EpisodeKind::ProjectDays if person => 50.0,
            EpisodeKind::PasswordTypo if person => 18.0,
            EpisodeKind::HarmlessLoginAs if matches!(class, Class::Normal | Class::Power) => 80.0,
            EpisodeKind::Deadline if person => 40.0,
            EpisodeKind::Resync if class == Class::Integration => 25.0,
            EpisodeKind::Vacation if person => 60.0,
            EpisodeKind::FalseThreat if class != Class::System => 900.0,
            _ => return None,
        };
        Some(days)
    }

    /// Draws the length of an episode in days.
    fn length(self, dice: &mut Dice) -> u32 {
        match self {
            EpisodeKind::RoleChange | EpisodeKind::NewLaptop => u32::MAX,
            EpisodeKind::Travel => dice.whole(2, 6),
            EpisodeKind::ProjectDays => dice.whole(1, 3),
            EpisodeKind::Deadline => dice.whole(1, 2),
            EpisodeKind::Vacation => dice.whole(2, 9),
            _ => 1,
        }
    }
}

/// Returns all episodes of an account that begin within the calendar, by kind and then by day.
pub(crate) fn episodes(key: u64, user: u32, class: Class, calendar: &[Today]) -> Vec<Episode> {
    let days = calendar.len() as u32;
    let mut episodes = Vec::new();
    for kind in KINDS {
        let mut dice = Dice::numbered(key, Stream::Episode, kind as u32, user, 0);
        match kind {
            EpisodeKind::MonthEndExport if class == Class::Power => {
                let closing = |today: &&Today| today.closing != Closing::Ordinary && !today.is_weekend();
                let exports = calendar.iter().filter(closing).filter(|_| dice.chance(0.5));
                episodes.extend(exports.map(|today| Episode { kind, first: today.index, last: today.index }));
            }
            EpisodeKind::NewHire if class == Class::Normal && dice.chance(0.08) => {
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
