//! How Bacalhau writes what a job needs: processors as Kubernetes does ("500m"), bytes as people do
//! ("512Mb", `github.com/dustin/go-humanize`).

use serde::Deserialize;

use crate::fleet::Resources;

/// What a task needs, as it is written (`pkg/models/resource.go`, `ResourcesConfig`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Needs {
    #[serde(rename = "CPU")]
    cpu: Option<String>,
    #[serde(rename = "Memory")]
    memory: Option<String>,
    #[serde(rename = "Disk")]
    disk: Option<String>,
    #[serde(rename = "GPU")]
    gpu: Option<String>,
}

impl Needs {
    /// What they mean; what cannot be read is nothing: the orchestrator would not have taken it.
    pub(super) fn resources(&self) -> Resources {
        let bytes = |text: &Option<String>| text.as_deref().and_then(bytes).unwrap_or_default();
        Resources {
            cpu: self.cpu.as_deref().and_then(cpus).unwrap_or_default(),
            memory: bytes(&self.memory),
            disk: bytes(&self.disk),
            gpu: self.gpu.as_deref().and_then(|text| text.trim().parse().ok()).unwrap_or_default(),
        }
    }
}

fn cpus(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, divisor) = text.strip_suffix('m').map_or((text, 1.0), |text| (text, 1000.0));
    let number: f64 = number.trim().parse().ok()?;
    (number.is_finite() && number >= 0.0).then_some(number / divisor)
}

fn bytes(text: &str) -> Option<u64> {
    let text: String = text.to_lowercase().split_whitespace().collect();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let unit = unit.strip_suffix('b').unwrap_or(unit);
    let power = |letter: &str| Some("kmgtpe".find(letter)? + 1);
    let factor = match unit.strip_suffix('i') {
        _ if unit.is_empty() => 1.0,
        Some(letter) => 1024_f64.powi(i32::try_from(power(letter)?).ok()?),
        None => 1000_f64.powi(i32::try_from(power(unit)?).ok()?),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "never negative")]
    let bytes = (number * factor).min(9e18) as u64;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_mean_what_bacalhau_makes_of_them() {
        for (text, cpu) in [("500m", Some(0.5)), ("2", Some(2.0)), ("0.1", Some(0.1)), ("x", None)]
        {
            assert_eq!(cpus(text), cpu, "{text}");
        }
        for (text, wanted) in [
            ("512Mb", Some(512_000_000)),
            ("512 MiB", Some(512 << 20)),
            ("1g", Some(1_000_000_000)),
            ("1.5gi", Some(3 << 29)),
            ("100", Some(100)),
            ("100B", Some(100)),
            ("1xb", None),
            ("mb", None),
        ] {
            assert_eq!(bytes(text), wanted, "{text}");
        }
    }
}
