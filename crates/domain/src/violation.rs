//! What is wrong with an input: where (a JSON pointer) and what (a code a program can branch on).
use serde::{Deserialize, Serialize};

/// One thing that is wrong with one member of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// JSON pointer (RFC 6901) into the request body.
    pub pointer: String,
    pub code: ViolationCode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationCode {
    Required,
    TooLong,
    TooMany,
    OutOfRange,
    ContainsNul,
    Duplicate,
    Unknown,
    NotAvailable,
    WrongType,
    UnknownField,
    NoPrice,
    UnknownTimeZone,
    UnknownCode,
    ExpiredCode,
    RevokedCode,
    UsedUpCode,
    NotYours,
    OneOfTwo,
    TooLarge,
    OtherSize,
    Unreadable,
    Animated,
    HasMore,
    NotAMask,
    NotHttps,
    NotPublic,
}

impl Violation {
    pub fn new(pointer: impl Into<String>, code: ViolationCode) -> Self {
        Self { pointer: pointer.into(), code }
    }
}

impl ViolationCode {
    /// A sentence for people, without the name of the field.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Required => "This is needed.",
            Self::TooLong => "This is too long.",
            Self::TooMany => "These are too many.",
            Self::OutOfRange => "This is outside of what is allowed.",
            Self::ContainsNul => "This contains the character U+0000, which cannot be stored.",
            Self::Duplicate => "This is there twice.",
            Self::Unknown => "This is not in the catalogue.",
            Self::NotAvailable => "This model cannot do that.",
            Self::WrongType => "This has the wrong type.",
            Self::UnknownField => "This field is not known.",
            Self::NoPrice => "There is no price for this, so it is refused.",
            Self::UnknownTimeZone => "This is no time zone we know. One is written like Europe/Berlin.",
            Self::UnknownCode => "This is none of our codes. Look whether it is typed as it was given.",
            Self::ExpiredCode => "This code has expired.",
            Self::RevokedCode => "This code was withdrawn.",
            Self::UsedUpCode => "This code is used up.",
            Self::NotYours => "You have nothing like this.",
            Self::OneOfTwo => "Name exactly one of the two.",
            Self::TooLarge => "This is too large.",
            Self::OtherSize => "This has another size than the first picture.",
            Self::Unreadable => "This cannot be read as a picture. It may be cut off or damaged.",
            Self::Animated => "This moves. Only still pictures are taken.",
            Self::HasMore => "Something else is hidden in this file behind the picture.",
            Self::NotAMask => "A mask is a PNG in which something is transparent.",
            Self::NotHttps => {
                "This must be a whole https address, on port 443 or one from 1024, without a name and password."
            }
            Self::NotPublic => "This address is not public. It must be one that everybody on the internet can reach.",
        }
    }
}
