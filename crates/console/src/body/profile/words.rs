//! What was learned of an account, in a sentence.

use model::{Surface, UserClass};
use profile::{Basis, KnownKind, Learned, LearnedRhythm, UsualRows};

/// Returns what was learned, and how many of the account's days are held back.
pub(super) fn summary(learned: Option<&Learned>, held: usize) -> String {
    let mut text = match learned {
        Some(learned) => sentence(learned),
        None => "Nothing is stored of what the account usually does.".to_owned(),
    };
    match held {
        0 => {}
        1 => text.push_str(" 1 of its days is held back."),
        several => text.push_str(&format!(" {several} of its days are held back.")),
    }
    text
}

fn sentence(learned: &Learned) -> String {
    let parts: Vec<String> =
        [works(&learned.rhythm), reads(&learned.rows), uses(learned)].into_iter().flatten().collect();
    let subject = format!("{} ({}) {}", class(learned.class), belief(learned), days(learned.days));
    match listed(&parts, ", and ") {
        Some(parts) => format!("{subject}; it {parts}."),
        None => format!("{subject}."),
    }
}

fn class(class: UserClass) -> &'static str {
    match class {
        UserClass::Normal => "A normal account",
        UserClass::Power => "The account of a power user",
        UserClass::Admin => "The account of an administrator",
        UserClass::Integration => "The account of an integration",
        UserClass::Guest => "The account of a guest user",
    }
}

fn belief(learned: &Learned) -> String {
    let belief = learned.belief;
    let sure = percent(f64::from(belief.probability));
    match belief.basis {
        Basis::FewDays => "not classified yet".to_owned(),
        Basis::Decided => "by decision".to_owned(),
        Basis::License => format!("{sure} sure, by its license"),
        Basis::Name => format!("{sure} sure, by its username"),
        basis => format!("{sure} sure, by {}", basis.as_str()),
    }
}

/// Writes a probability; it is certain only where it is 1.
fn percent(probability: f64) -> String {
    let rounded = (probability * 100.0).round();
    let is_certain = probability >= 1.0;
    format!("{} %", if rounded >= 100.0 && !is_certain { 99.0 } else { rounded })
}

fn days(days: f64) -> String {
    match days.round() as u64 {
        0 => "with no active day behind it yet".to_owned(),
        1 => "with 1 active day behind it".to_owned(),
        several => format!("with {} active days behind it", grouped(several)),
    }
}

/// Says on which days and at which hours the account works.
fn works(rhythm: &LearnedRhythm) -> Option<String> {
    /// Share of weekends on which the account works, in its most frequent hour, as a share of that of working days, from
    /// which on they are alike. A choice.
    const ALIKE: f64 = 0.5;
    let (working, weekends) = (rhythm.working_days.shares, rhythm.weekends.shares);
    let most = |shares: &[f64; 24]| shares.iter().copied().fold(0.0, f64::max);
    let (of_working, of_weekends) = (most(&working), most(&weekends));
    let (days, shares) = if of_working.max(of_weekends) <= 0.0 {
        return None;
    } else if of_weekends < ALIKE * of_working {
        ("on weekdays", working)
    } else if of_working < ALIKE * of_weekends {
        ("on weekends", weekends)
    } else {
        let mut larger = working;
        larger.iter_mut().zip(weekends).for_each(|(share, other)| *share = share.max(other));
        ("on all days of the week", larger)
    };
    Some(match hours(&shares) {
        Some((from, to)) => format!("works {days} from {from} to {to} h"),
        None => format!("works {days} around the clock"),
    })
}

/// Returns the shortest span with all hours that the account often works, from its first hour to the hour at which it ends;
/// `None` if it is nearly the whole day.
fn hours(shares: &[f64; 24]) -> Option<(usize, usize)> {
    /// Share of that of the most frequent hour from which on an hour is often worked. A choice.
    const OFTEN: f64 = 1.0 / 3.0;
    /// Hours from which on a span is the whole day. A choice.
    const WHOLE: usize = 22;
    let most = shares.iter().copied().fold(0.0, f64::max);
    let is_worked = |hour: usize| shares.get(hour % 24).is_some_and(|share| *share > 0.0 && *share >= OFTEN * most);
    // A span begins after the longest rest.
    let rest = |from: usize| (0..24).take_while(|after| !is_worked(from + after)).count();
    let (longest, begin) = (0..24).map(|from| (rest(from), from)).max_by_key(|(rest, from)| (*rest, 24 - from))?;
    (24 - longest < WHOLE).then_some(((begin + longest) % 24, if begin == 0 { 24 } else { begin }))
}

/// Says how many rows the account reads, through the two surfaces with the most.
fn reads(rows: &[UsualRows]) -> Option<String> {
    let mut rows: Vec<&UsualRows> = rows.iter().filter(|usual| usual.band.expected > 0).collect();
    rows.sort_by_key(|usual| std::cmp::Reverse(usual.band.expected));
    rows.truncate(2);
    let part = |(index, usual): (usize, &&UsualRows)| {
        let band = usual.band;
        let [expected, low, high] = [band.expected, band.low, band.high].map(|rows| grouped(about(rows)));
        let unit = if index == 0 { " rows a day" } else { "" };
        format!("about {expected}{unit} {} ({low} to {high})", through(usual.surface))
    };
    let parts: Vec<String> = rows.iter().enumerate().map(part).collect();
    listed(&parts, " and ").map(|parts| format!("reads {parts}"))
}

fn through(surface: Surface) -> &'static str {
    match surface {
        Surface::ListView => "over list views",
        Surface::Report => "in reports",
        Surface::Api => "over the API",
        Surface::Bulk => "over the Bulk API",
        Surface::File => "in files",
    }
}

/// Says how many things of some kinds the account uses.
fn uses(learned: &Learned) -> Option<String> {
    let part = |(kind, one, several): (KnownKind, &str, &str)| match learned
        .known
        .iter()
        .find(|known| known.kind == kind)
        .map_or(0, |known| known.count)
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        count => Some(format!("{count} {several}")),
    };
    let parts: Vec<String> = [
        (KnownKind::Object, "object", "objects"),
        (KnownKind::Network, "network", "networks"),
        (KnownKind::Client, "client", "clients"),
    ]
    .into_iter()
    .filter_map(part)
    .collect();
    listed(&parts, " and ").map(|parts| format!("uses {parts}"))
}

/// Joins parts with commas, and `last` before the last one; `None` if there are none.
fn listed(parts: &[String], last: &str) -> Option<String> {
    match parts {
        [] => None,
        [one] => Some(one.clone()),
        [first, second] => Some(format!("{first}{}{second}", last.strip_prefix(',').unwrap_or(last))),
        [rest @ .., end] => Some(format!("{}{last}{end}", rest.join(", "))),
    }
}

/// Rounds to two digits.
fn about(rows: u64) -> u64 {
    let unit = 10u64.pow(rows.checked_ilog10().map_or(0, |digits| digits.saturating_sub(1)));
    (rows / unit * unit).saturating_add(if rows % unit * 2 >= unit && unit > 1 { unit } else { 0 })
}

/// Writes a number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests;
