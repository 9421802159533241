//! A program of this machine that is told of a message: on its standard input, as JSON.

use std::time::Duration;

use serde_json::Value;

use super::attempt::Attempt;
use crate::program;

/// Runs it once.
pub(super) async fn run(words: &[String], event: &Value, limit: Duration) -> Attempt {
    if words.is_empty() {
        return Attempt::Refused("no program is named".to_owned());
    }
    match program::run(words, &event.to_string(), limit).await {
        Ok(_) => Attempt::Delivered,
        Err(why) => Attempt::Later(why, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn it_reads_the_event_and_says_how_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("event");
        let limit = Duration::from_secs(20);
        let told = async |line: String| {
            let words = ["sh".to_owned(), "-c".to_owned(), line];
            run(&words, &json!({"id": "7"}), limit).await
        };
        assert_eq!(told(format!("cat > {}", file.display())).await, Attempt::Delivered);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), r#"{"id":"7"}"#);
        let Attempt::Later(why, None) = told("exit 3".to_owned()).await else {
            panic!("it failed")
        };
        assert!(why.contains("exit status: 3"), "{why}");
    }
}
