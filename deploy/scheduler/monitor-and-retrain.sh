#!/usr/bin/env bash
# Judge the service, and retrain where the verdict says so: for cron or CI, in the clone that serves.
# Ends with 0 where nothing changed, 20 where there is another champion; anything else is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH="$PWD/.venv/bin:$PATH" BENTOML_DO_NOT_TRACK=True

mkdir -p logs
exec 9> logs/monitor-and-retrain.lock
flock --nonblock 9 || { echo "The run before this one is not over yet." >&2; exit 0; }

python -m monitoring.collect_events
python -m monitoring.build_reference
verdict=0
python -m monitoring.monitor_service --exit-code || verdict=$?
case "$verdict" in
  0) echo "The champion is still good." ;;
  11) echo "It cannot be decided yet." ;;
  10) exec python -m monitoring.retrain_bundle --exit-code ;;
  *) exit "$verdict" ;;
esac
