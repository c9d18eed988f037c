"""What all pictures share: colours, lanes, legends and axes."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

# Colours of M. Okabe and K. Ito, which every kind of colour vision tells apart.
BLACK = "#000000"
CYCLE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9")
LINESTYLES = ("-", "--", ":", "-.")  # for more classes than colours
REFERENCE_COLOR, ESTIMATED_COLOR, *_, SKY_BLUE = CYCLE
_LINEAR_UP_TO = 10  # events; more of them have colours by their logarithm
_BAR_HEIGHT = 2.0  # inches
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
    """Return a label as people write it, no formula whatever it holds."""
    return str(label).replace("_", " ").replace("$", r"\$")


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


def draw_counts(
    ax: "Axes",
    counts: "np.ma.MaskedArray | np.ndarray",
    highest: int,
    cmap: Any,
    **where: Any,
) -> Any:
    """Draw an image of counts, in which nothing is white, and what is masked is not."""
    import numpy as np
    from matplotlib import colormaps
    from matplotlib.colors import LogNorm, Normalize

    colors = colormaps.get_cmap(cmap).with_extremes(under="white", bad=(0, 0, 0, 0))
    norm = LogNorm if highest > _LINEAR_UP_TO else Normalize
    return ax.imshow(
        np.ma.maximum(counts, 0.1),  # of which there is a logarithm
        aspect="auto",
        cmap=colors,
        norm=norm(0.5, max(highest, 1)),
        interpolation="none",
        **where,
    )


def count_bar(ax: "Axes", image: Any, label: str) -> None:
    """Draw the colours of counts beside the axes."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import NullLocator

    height = ax.get_window_extent().height / ax.figure.dpi
    share = min(1.0, _BAR_HEIGHT / max(height, 0.1))
    bar = ax.figure.colorbar(
        image, cax=ax.inset_axes((1.02, 1 - share, 0.02, share)), label=label
    )
    highest = int(image.norm.vmax)
    ticks = [*range(1, highest + 1, -(-highest // 5))]
    if isinstance(image.norm, LogNorm):
        steps = [m * 10**k for k in range(9) for m in (1, 2, 5) if m * 10**k <= highest]
        ticks = steps[:: -(-len(steps) // 6)]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.ax.yaxis.set_minor_locator(NullLocator())
    if highest > 1:
        bar.ax.set_ylim(1, highest)


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
