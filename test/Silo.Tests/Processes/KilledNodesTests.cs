using System.Diagnostics;
using System.Net;
using GrainDb.Silo.Clustering;
using Xunit;

namespace GrainDb.Silo.Tests.Processes;

/// <summary>Processes with the file membership that end without a word.</summary>
public sealed class KilledNodesTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly int[] _ports = Enumerable.Range(0, 9).Select(_ => GrainDbProcess.FreePort()).ToArray();

    public void Dispose() => _directory.Dispose();

    private GrainDbProcess Start(int node) => GrainDbProcess.Start(
        _directory.Path,
        "--node", $"node{node}",
        "--http", $"http://127.0.0.1:{_ports[node - 1]}",
        "--silo-port", $"{_ports[node + 2]}",
        "--gateway-port", $"{_ports[node + 5]}",
        "--membership", "file:m",
        "--bootstrap", "node1,node2,node3");

    /// <summary>Looks at the table without taking part, until the named nodes and no others are active.</summary>
    private async Task<TimeSpan> ActiveAsync(params string[] nodes)
    {
        var file = new MembershipTableFile(_directory["m/membership.json"]);
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var active = file.Exists ? file.Read().Silos.Where(row => row.Status == SiloStatus.Active).Select(row => row.SiloName).Order().ToList() : [];
            if (active.SequenceEqual(nodes))
                return waited.Elapsed;
            if (waited.Elapsed > Patience)
                throw new TimeoutException($"active: {string.Join(' ', active)}");
            await Task.Delay(10, TestContext.Current.CancellationToken); // a file of other processes
        }
    }

    [Fact]
    public async Task A_killed_node_is_dead_at_once_and_comes_back()
    {
        await using var first = Start(1);
        await using var second = Start(2);
        await using var third = Start(3);
        await ActiveAsync("node1", "node2", "node3");

        third.Kill();
        var noticed = await ActiveAsync("node1", "node2");
        Assert.InRange(noticed, TimeSpan.Zero, TimeSpan.FromSeconds(3)); // probes alone would need more

        await third.ExitAsync(TestContext.Current.CancellationToken); // its locks and ports go one by one
        await using var back = Start(3);
        await ActiveAsync("node1", "node2", "node3");
        foreach (var process in new[] { first, second, back })
            process.Terminate();
        foreach (var process in new[] { first, second, back })
            await process.EndsWellAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task After_all_were_killed_one_alone_comes_back_without_waiting_for_the_dead()
    {
        var all = new[] { Start(1), Start(2), Start(3) };
        await ActiveAsync("node1", "node2", "node3");
        foreach (var process in all)
            process.Kill();
        foreach (var process in all)
            await process.DisposeAsync();

        await using var back = Start(2);
        await ActiveAsync("node2");
        await back.AnswersAsync($"http://127.0.0.1:{_ports[1]}/health/live", HttpStatusCode.OK, TestContext.Current.CancellationToken);
    }
}
