"""Draws a measure against message size, a line for each mechanism, from an export.

    ipcmark export --format csv RUN --out trials.csv
    python3 examples/plot.py trials.csv chart.svg            # or: trials.csv chart.png stream

It needs pandas and matplotlib. The table behind the chart is printed as CSV.
"""

import sys

import matplotlib.pyplot as plt
import pandas

COLUMNS = [
    *("run_id", "case_key", "repetition", "attempt", "mechanism", "wait", "measure", "placement", "message_bytes"),
    *("status", "verdict", "cost_ns"),
]
plt.rcParams["svg.fonttype"] = "none"  # text stays text


def counted(trials):
    """One attempt of each repetition, the last that was not disturbed or else the last; those with a valid number."""
    calm = (trials.status != "failed") & (trials.verdict != "disturbed")
    in_order = trials.assign(calm=calm).sort_values(["calm", "attempt"])
    last = in_order.groupby(["run_id", "case_key", "repetition"]).tail(1)
    return last[(last.status == "measured") & (last.verdict != "invalid") & last.cost_ns.notna()]


def medians(trials):
    """Median and quartiles of the cost over repetitions, for each case."""
    cases = counted(trials).groupby(["mechanism", "wait", "placement", "message_bytes", "case_key"])
    table = cases.cost_ns.quantile([0.25, 0.5, 0.75]).unstack()
    return table.set_axis(["low_ns", "median_ns", "high_ns"], axis=1).reset_index()


def draw(table, title, path):
    placements = sorted(table.placement.unique())
    figure, axes = plt.subplots(
        1, len(placements), figsize=(6 * len(placements), 5), sharey=True, squeeze=False, layout="constrained"
    )
    for axis, placement in zip(axes[0], placements):
        for (mechanism, wait), line in table[table.placement == placement].groupby(["mechanism", "wait"]):
            whiskers = [line.median_ns - line.low_ns, line.high_ns - line.median_ns]
            axis.errorbar(line.message_bytes, line.median_ns, whiskers, marker=".", capsize=2, label=f"{mechanism}/{wait}")
        axis.set(xscale="symlog", yscale="log", xlabel="message, bytes", title=f"{title}, {placement}")
        axis.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    axes[0][0].set_ylabel("ns, median and quartiles over repetitions")
    figure.savefig(path)


def main():
    source, path, measure = (*sys.argv[1:], "round_trip")[:3]
    trials = pandas.read_csv(source, usecols=COLUMNS)
    trials = trials[(trials.measure == measure) & trials.message_bytes.notna() & trials.cost_ns.notna()]
    if trials.empty:
        sys.exit(f"{source} has no measured {measure} with a message size")
    table = medians(trials)
    table.to_csv(sys.stdout, index=False)
    draw(table, measure, path)


if __name__ == "__main__":
    main()
