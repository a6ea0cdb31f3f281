#!/usr/bin/env bash
# Instructions of a UAS call, bytes in to bytes out, while many transactions linger or many dialogs are up; and how they grow. Valgrind
# counts them: unlike times, they are the same whatever else the machine does. The endpoint is filled before counting begins.
#
#   benches/instructions.sh [SIZE…]
#
# A million takes some minutes. Fails where a call takes more than 1.05 times the instructions of the first size.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
sizes=("$@")
(($# > 0)) || sizes=(1000 1000000)
program=$(cargo bench --bench scale --no-run 2>&1 | sed -n 's/.*(\(.*scale-[0-9a-f]*\)).*/\1/p')
out=$(mktemp)
trap 'rm -f "$out"' EXIT

failed=0
for table in lingering dialogs; do
    first=
    for size in "${sizes[@]}"; do
        # Only `answer` and `end` are counted: what prepares the calls is not the endpoint's.
        calls=$(valgrind --tool=callgrind --instr-atstart=no --collect-atstart=no \
            '--toggle-collect=scale::calls::answer*' '--toggle-collect=scale::calls::end*' \
            "--callgrind-out-file=$out" "$program" instructions $table "$size" 2>/dev/null | sed -n 's/^calls: //p')
        total=$(sed -n 's/^summary: //p; s/^totals: //p' "$out" | head -n 1)
        each=$((total / calls))
        first=${first:-$each}
        growth=$(awk -v a="$each" -v b="$first" 'BEGIN { printf "%.3f", a / b }')
        printf '%-10s %9s %9s instructions a call  x %s\n' $table "$size" $each "$growth"
        awk -v growth="$growth" 'BEGIN { exit !(growth <= 1.05) }' || failed=1
    done
done
exit $failed
