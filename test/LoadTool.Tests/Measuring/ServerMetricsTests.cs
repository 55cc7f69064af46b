using GrainDb.LoadTool.Measuring;

namespace GrainDb.LoadTool.Tests.Measuring;

public sealed class ServerMetricsTests
{
    [Fact]
    public void Counters_are_summed_over_labels_and_servers_and_compared()
    {
        var before = new ServerMetrics();
        before.Add("graindb_wal_fsync_duration_seconds_count{node=\"n1\"} 10\ngraindb_wal_fsync_duration_seconds_count{node=\"n2\"} 5\n");
        var after = new ServerMetrics();
        after.Add(
            """
            # TYPE graindb_wal_fsync_duration_seconds histogram
            graindb_wal_fsync_duration_seconds_bucket{node="n1",le="+Inf"} 999
            graindb_wal_fsync_duration_seconds_count{node="n 1}"} 30 1700000000000
            graindb_wal_fsync_duration_seconds_sum 1.5e-1
            graindb_replica_lag 12
            unrelated_total 7
            """);
        after.Add("graindb_wal_fsync_duration_seconds_count 5");

        Assert.Equal(
            new Dictionary<string, double>
            {
                ["graindb_wal_fsync_duration_seconds_count"] = 20,
                ["graindb_wal_fsync_duration_seconds_sum"] = 0.15,
            },
            after.Since(before));
    }
}
