"""What all pictures share: colours, lanes, legends and axes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours of M. Okabe and K. Ito, which every kind of colour vision tells apart.
BLACK = "#000000"
CYCLE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
LINESTYLES = ("-", "--", ":", "-.")  # for more classes than colours
REFERENCE_COLOR, ESTIMATED_COLOR, *_, SKY_BLUE = CYCLE
_ROOM_BESIDE = 3.5  # inches: a legend beside narrower axes would leave them none


class Display:
    """A picture, which knows the axes and the figure that it is drawn on."""

    ax_: "Axes"

    def _prepare_axes(self, ax: "Axes | None", width: float, height: float) -> "Axes":
        """Note and return the axes to draw on; those of a new figure when None."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(width, height), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        return ax


def class_name(label: Any) -> str:
    """Return a label as people write it."""
    return str(label).replace("_", " ")


def class_style(index: int, label: Any, value: float) -> dict[str, Any]:
    """Return the style of the curve of a class, which the legend names with a value."""
    cycle, color = divmod(index, len(CYCLE))
    return {
        "color": CYCLE[color],
        "linestyle": LINESTYLES[cycle % len(LINESTYLES)],
        "linewidth": 1.0,
        "label": f"{class_name(label)} ({value:.2f})",
    }


def overall_style(name: str | None, measure: str) -> dict[str, Any]:
    """Return the style of the curve of all classes together."""
    label = f"{name or 'all classes'} ({measure})"
    return {"color": BLACK, "linewidth": 2.0, "label": label}


def divide_lanes(ax: "Axes", n_lanes: int) -> None:
    """Draw a line between lanes."""
    for lane in range(1, n_lanes):
        ax.axhline(lane - 0.5, color="0.8", linewidth=0.5, zorder=0.5)


def legend_above(ax: "Axes", ncols: int = 3) -> None:
    """Put the legend above the axes, on the right, small enough for a column."""
    ax.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=ncols,
        frameon=False,
        borderaxespad=0.1,
        columnspacing=1.2,
        fontsize="small",
        handlelength=1.5,
    )


def legend_of_curves(ax: "Axes", *, many: bool, loc: str) -> None:
    """Put the legend within the axes; of many curves beside them, in a column above."""
    if many and ax.get_window_extent().width / ax.figure.dpi < _ROOM_BESIDE:
        legend_above(ax, ncols=1)
        return
    place: dict[str, Any] = {"loc": loc}
    if many:
        place = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(fontsize="small", frameon=False, **place)
