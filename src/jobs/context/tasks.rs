//! Many tasks at once.

use tokio::task::JoinSet;

/// Waits for all of these and gives back what each came to. One that panics is `lost` and stops no
/// other, as [`JoinSet::join_all`] would.
pub(in crate::jobs) async fn together<T: 'static>(
    mut tasks: JoinSet<T>,
    lost: impl Fn() -> T,
) -> Vec<T> {
    let mut all = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        // The panic's text was logged by the hook.
        all.push(ended.unwrap_or_else(|_| lost()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_that_panics_stops_no_other() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async { panic!("a bug") });
        tasks.spawn(async {
            tokio::task::yield_now().await;
            2
        });
        let mut all = together(tasks, || 1).await;
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
    }
}
