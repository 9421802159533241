//! A program of the user's that says how many instances there shall be.

use std::time::Duration;

use crate::program;

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What it says; or why that is no number, in a sentence.
pub(super) async fn wanted(words: &[String]) -> Result<u32, String> {
    let said = program::run(words, "", LIMIT).await?;
    let number = said.trim();
    number.parse().map_err(|_| {
        let (program, said) = (words.first().map_or("", String::as_str), first(number));
        format!("{program} printed {said}, which is no number of instances")
    })
}

/// The beginning of what somebody printed.
fn first(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
    format!("'{}'", line.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_a_number_or_a_reason() {
        let said = async |line: &str| wanted(&["sh", "-c", line].map(str::to_owned)).await;
        assert_eq!(said("echo ' 9 '").await, Ok(9));
        for (line, why) in [
            ("echo nine", "printed 'nine', which is no number of instances"),
            ("echo -1", "no number of instances"),
            ("echo 1.5", "no number of instances"),
            ("echo 1000000000000000000000000000000", "no number of instances"),
            ("true", "printed ''"),
            ("echo 9; false", "exit status: 1"),
            ("printf '9\\n8\\n'", "no number of instances"),
        ] {
            let told = said(line).await.unwrap_err();
            assert!(told.contains(why), "{line}: {told}");
        }
    }
}
