//! EC2 Capacity Manager, as far as anybody here asks it. Names and nesting are those that aws-sdk-ec2 1.274
//! reads (protocol_serde: `shape_get_capacity_manager_attributes`, `shape_metric_data_result`,
//! `shape_capacity_manager_dimension`, `shape_metric_value`); nobody has recorded an answer.

use super::call::Call;
use super::xml::Xml;
use crate::demo::scenario::AccountFigures;
use crate::demo::world::Refusal;

/// How many values an answer has: AWS may give fewer than are asked for.
const PAGE: usize = 2;
const HOURS: &str = "spot-total-usage-hrs-inst";
const INTERRUPTIONS: &str = "spot-total-interruptions-inst";

/// Whether it is on here.
fn told<'a>(call: &'a Call<'_>) -> Option<&'a [AccountFigures]> {
    let manager = call.region.laws.scenario.capacity_manager.as_ref();
    manager.filter(|it| it.region == call.region.place.code).map(|it| it.told.as_slice())
}

/// GetCapacityManagerAttributes.
#[expect(clippy::unnecessary_wraps, reason = "one form for all actions")]
pub(super) fn attributes(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let status = if told(call).is_some() { "enabled" } else { "disabled" };
    let mut xml = Xml::default();
    xml.text("capacityManagerStatus", status).text("organizationsAccess", false);
    Ok(xml)
}

/// GetCapacityManagerMetricData, by region and type. What happened in the month is told of two days.
pub(super) fn metric_data(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let figures = told(call).unwrap_or_default();
    let begin = call.form.need("StartTime")?;
    let days = figures.iter().flat_map(|it| [(it, it.interruptions), (it, 0)]);
    let from = match call.form.get("NextToken") {
        Some(token) => token.parse().map_err(|_| Refusal::value("The token is not valid."))?,
        None => 0,
    };
    let page = days.clone().skip(from).take(PAGE);
    let next = Some(from + PAGE).filter(|next| *next < days.count());
    let mut xml = Xml::default();
    xml.list("metricDataResultSet", page, |item, (figures, interruptions)| {
        item.group("dimension", |dimension| {
            dimension.text("resourceRegion", &figures.region);
            dimension.text("instanceType", &figures.machine_type);
        });
        item.text("timestamp", begin);
        let values = [(HOURS, figures.hours / 2.0), (INTERRUPTIONS, interruptions.into())];
        item.list("metricValueSet", values, |item, (metric, value)| {
            item.text("metric", metric).text("value", value);
        });
    });
    xml.maybe("nextToken", next);
    Ok(xml)
}
