//! How values of options are read: each with a sentence that says what is wanted.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config;
use crate::fleet::{Grouping, Hold};

pub(super) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (0.01..=10_000.0).contains(&number) => Ok(number),
        _ => Err("a number from 0.01 to 10000 is wanted".to_owned()),
    }
}

pub(super) fn endpoint(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).ok();
    let is_one = url.is_some_and(|it| matches!(it.scheme(), "http" | "https") && it.has_host());
    is_one.then(|| text.to_owned()).ok_or_else(|| "it has to be like http://host:port".to_owned())
}

pub(super) fn deployment(text: &str) -> Result<String, String> {
    let right = "up to 64 letters, digits, '-', '_' and '.', the first a letter or digit";
    config::is_deployment(text).then(|| text.to_owned()).ok_or_else(|| right.to_owned())
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "it has to be like 127.0.0.1:4566 or [::1]:4566".to_owned())
}

/// How long a fleet is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Until all that is wanted is ready.
    Ready,
    /// For so long.
    After(Duration),
}

pub(super) fn until(text: &str) -> Result<Until, String> {
    if text == "ready" {
        return Ok(Until::Ready);
    }
    let wrong = |_| "it has to be ready, or a time such as 90s, 30m, 12h or 7d".to_owned();
    time(text).map(Until::After).map_err(wrong)
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "it has to be like 90s, 30m, 12h or 7d".to_owned();
    let (number, unit) = text.split_at(text.len() - text.chars().last().map_or(0, char::len_utf8));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// The beginning of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// So long ago.
    Ago(SignedDuration),
    /// At this moment.
    At(Timestamp),
}

pub(super) fn since(text: &str) -> Result<Since, String> {
    let wrong = || "it has to be like 12h, 7d or 2026-11-01".to_owned();
    if let Ok(day) = text.parse::<Date>() {
        return day
            .to_zoned(TimeZone::UTC)
            .map(|day| Since::At(day.timestamp()))
            .map_err(|_| wrong());
    }
    let (number, hours) = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(number), _) => (number, 1),
        (None, Some(number)) => (number, 24),
        (None, None) => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Since::Ago(SignedDuration::from_hours(i64::from(number.min(100_000)) * hours)))
}

pub(super) fn hold(text: &str) -> Result<Hold, String> {
    let wrong = || "it has to be like 90m, 4h or 2d".to_owned();
    if text == "0" {
        return Ok(Hold(SignedDuration::ZERO));
    }
    let unit = [('m', 1), ('h', 60), ('d', 24 * 60)].into_iter();
    let mut read = unit.filter_map(|(unit, minutes)| Some((text.strip_suffix(unit)?, minutes)));
    let (number, minutes) = read.next().ok_or_else(wrong)?;
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Hold(SignedDuration::from_mins(i64::from(number.min(100_000)) * minutes)))
}

pub(super) fn grouping(text: &str) -> Result<Grouping, String> {
    match text {
        "day" => Ok(Grouping::Day),
        "month" => Ok(Grouping::Month),
        "region" => Ok(Grouping::Region),
        "type" => Ok(Grouping::Type),
        "machine" => Ok(Grouping::Machine),
        "thing" => Ok(Grouping::Thing),
        _ => match text.split_once(':') {
            Some(("tag", name)) if !name.is_empty() => Ok(Grouping::Tag(name.to_owned())),
            _ => Err("day, month, region, type, machine, thing or tag:NAME is wanted".to_owned()),
        },
    }
}
