"""Room: report. The pages people look at: pours with their sound, curves, masks, the benchmark.

Reads:  datasets, benchmark folders, demo folders.   Makes: one self-contained HTML.   Used by: cli, pipeline.
"""

from .pages import bench_report as bench_report
from .pages import dataset_report as dataset_report
from .pages import demo_report as demo_report
from .pages import listen_report as listen_report
from .pages import report_folder as report_folder
