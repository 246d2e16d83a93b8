//! Where and how Salesforce spells the names of fields.

use model::Channel;

/// Where and how Salesforce spells a field: a set of channels and of styles, as bits. The marks of all fields of a plain
/// record have a style and its channel in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// What all records have in common before their first field.
    pub(crate) const ALL: Self = Self(0xff);
    /// `EventDate`, as in events.
    pub(crate) const PASCAL: Self = Self(1);
    /// `TIMESTAMP_DERIVED`, as in log files.
    pub(crate) const UPPER: Self = Self(1 << 1);
    /// `event_date`, `eventDate` or `Event Date`: written so by other tools than Salesforce.
    pub(crate) const OTHER: Self = Self(1 << 2);
    /// Streamed and stored events.
    pub(crate) const EVENT: Self = Self(1 << 3);
    /// Event log files, and the objects that are named after them.
    pub(crate) const LOG: Self = Self(1 << 4);
    /// Records of Security Center.
    pub(crate) const CENTER: Self = Self(1 << 5);
    /// Objects behind the downloads of Setup.
    pub(crate) const SETUP: Self = Self(1 << 6);
    /// Names that events and the objects of Setup have.
    pub(super) const RECORD: Self = Self::EVENT.or(Self::SETUP);
    /// Names of the objects behind log files and of Security Center.
    pub(super) const OBJECT: Self = Self::LOG.or(Self::CENTER);

    const STYLES: u8 = Self::PASCAL.or(Self::UPPER).or(Self::OTHER).0;

    /// Returns the marks of a name that only `channels` have, in any style; of any channel if there are none.
    pub(super) const fn of_channels(channels: &[Self]) -> Self {
        match channels {
            [Self(bits), ..] => Self(*bits | Self::STYLES),
            [] => Self::ALL,
        }
    }

    /// Returns what both have.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Returns what any of both has.
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether a style or channel of `other` is among these.
    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Returns whether this is only [`Marks::OTHER`]'s style.
    pub(crate) fn is_other(self) -> bool {
        self.0 & Self::STYLES == Self::OTHER.0
    }

    /// Returns whether all fields of a record with these marks are written in one style.
    pub(crate) fn are_in_one_style(self) -> bool {
        self.0 & Self::STYLES != 0
    }

    /// Returns whether all fields of a record with these marks are written in one style, and belong to `channel`.
    pub(crate) fn are_plain(self, channel: Channel) -> bool {
        self.0 & Self::STYLES != 0 && self.has(Self::of(channel))
    }

    /// Returns the same channels with only `style`.
    pub(super) fn in_style(self, style: Self) -> Self {
        Self(self.0 & !Self::STYLES | style.0)
    }

    /// Returns the mark of a channel.
    pub(crate) fn of(channel: Channel) -> Self {
        match channel {
            Channel::Stream | Channel::Stored => Self::EVENT,
            Channel::LogFile | Channel::LogObject => Self::LOG,
            Channel::SecurityCenter => Self::EVENT.or(Self::CENTER),
            Channel::Setup => Self::SETUP,
        }
    }

    /// Returns the styles in which a name may be written: that of a single word can also be one of another tool.
    pub(crate) fn style_of(name: &str) -> Self {
        let starts_upper = name.starts_with(|c: char| c.is_ascii_uppercase());
        let has_lower = name.contains(|c: char| c.is_ascii_lowercase());
        let style = match has_lower {
            _ if !starts_upper || name.contains([' ', '.']) || has_lower && name.contains('_') => return Self::OTHER,
            true => Self::PASCAL,
            false => Self::UPPER,
        };
        let has_words = if has_lower { name.chars().skip(1).any(char::is_uppercase) } else { name.contains('_') };
        if has_words { style } else { style.or(Self::OTHER) }
    }
}
