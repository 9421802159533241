#!/bin/sh
# Prints the identity of a made-up sensor for an instance id, as JSON.
#
# Deterministic: the same instance always is the same sensor. Every field has a hash of its own, so
# that a maker says nothing about a city. The program delivers identities itself, later; this script
# serves where it did not.
set -eu

id=${1:?usage: generate_node_identity.sh INSTANCE_ID}
case $id in
  i-*[!0-9a-z]* | i-) echo "not an instance id" >&2; exit 64 ;;
  i-*) ;;
  *) echo "not an instance id" >&2; exit 64 ;;
esac

# pick FIELD COUNT: a number from 0 to COUNT-1.
pick() {
  digest=$(printf '%s/%s' "$id" "$1" | sha256sum | cut -c1-7)
  echo $((0x$digest % $2))
}

# nth N WORD...: the word at position N, counted from 0.
nth() { shift $(($1 + 1)); printf '%s' "$1"; }

# date_in YEAR FIELD: a day of that year.
date_in() { printf '%d-%02d-%02d' "$1" $((1 + $(pick "$2/month" 12))) $((1 + $(pick "$2/day" 28))); }

city_row() {
  sed -n "$((1 + $(pick city 15)))p" <<'CITIES'
San Francisco|CA|SFO|37.7749|-122.4194|America/Los_Angeles
Austin|TX|AUS|30.2672|-97.7431|America/Chicago
Seattle|WA|SEA|47.6062|-122.3321|America/Los_Angeles
Denver|CO|DEN|39.7392|-104.9903|America/Denver
Miami|FL|MIA|25.7617|-80.1918|America/New_York
Boston|MA|BOS|42.3601|-71.0589|America/New_York
Chicago|IL|CHI|41.8781|-87.6298|America/Chicago
Atlanta|GA|ATL|33.7490|-84.3880|America/New_York
Portland|OR|PDX|45.5152|-122.6784|America/Los_Angeles
Phoenix|AZ|PHX|33.4484|-112.0740|America/Phoenix
Nashville|TN|BNA|36.1627|-86.7816|America/Chicago
San Diego|CA|SAN|32.7157|-117.1611|America/Los_Angeles
Dallas|TX|DAL|32.7767|-96.7970|America/Chicago
Minneapolis|MN|MSP|44.9778|-93.2650|America/Chicago
Charlotte|NC|CLT|35.2271|-80.8431|America/New_York
CITIES
}

row=$(city_row)
IFS='|' read -r city state code latitude longitude timezone <<ROW
$row
ROW
maker=$(nth "$(pick maker 4)" SensorTech EnvMonitors IoTPro DataLogger)
model=$(nth "$(pick model 3)" AirData-Plus ClimateOne StationPro)
firmware=$(nth "$(pick firmware 4)" 1.3.0 1.4.0 1.5.0 2.0.0)
site=$(nth "$(pick site 4)" rooftop street indoor mast)

cat <<JSON
{
  "sensor_id": "$(printf 'SENSOR_%s_%s_%04d' "$state" "$code" "$(pick number 10000)")",
  "location": {
    "city": "$city",
    "state": "$state",
    "coordinates": {"latitude": $latitude, "longitude": $longitude},
    "timezone": "$timezone",
    "address": "$city, $state, USA"
  },
  "device_info": {
    "manufacturer": "$maker",
    "model": "$model",
    "firmware_version": "$firmware",
    "serial_number": "$(printf '%s-%06d' "$maker" "$(pick serial 1000000)")",
    "manufacture_date": "$(date_in 2024 made)"
  },
  "deployment": {
    "deployment_type": "$site",
    "installation_date": "$(date_in 2025 installed)",
    "height_meters": $((1 + $(pick height 30))).$(pick decimetres 10),
    "orientation_degrees": $(pick orientation 360)
  },
  "metadata": {
    "instance_id": "$id",
    "generation_seed": "$(printf '%s' "$id" | sha256sum | cut -c1-32)",
    "sensor_type": "environmental_monitoring"
  }
}
JSON
