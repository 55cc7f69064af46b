using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Sagas;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Cluster.Tests.Sagas;

/// <summary>Sagas on three nodes that are all there. One cluster for all: each test has its own saga.</summary>
public sealed class SagaTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly RecordedService _service = new();
    private GrainDbCluster _cluster = null!;
    private SagaClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(
            _directory, [1, 1, 1], new StorageOptions(), new Network(), buriesFast: false, (_, services) => services.AddSingleton<ISagaService>(_service));
        _client = new SagaClient(_cluster);
        await _client.DefineAsync("four", SagaClient.Definition);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task It_ends_completed_and_every_node_has_its_log()
    {
        Assert.Null((await _client.StartAsync(0, "whole", "four", """{"n":7}""")).Failure);

        var saga = await _client.EndAsync(1, "whole");

        Assert.Equal("completed", saga.Summary.Status);
        Assert.All(saga.Steps, step => Assert.True(_service.HasEffect("whole", step.Name)));
        Assert.Equal("""{"did":"second","with":{"of":"first","n":7}}""", System.Text.Encoding.UTF8.GetString(saga.Steps[1].Output.Span));
        string[] expected =
        [
            "started", "stepScheduled first", "stepCompleted first", "stepScheduled second", "stepCompleted second", "stepScheduled pivot", "stepCompleted pivot", "pivotPassed",
            "stepScheduled last", "stepCompleted last", "ended",
        ];
        for (var node = 0; node < 3; node++)
            Assert.Equal(expected, await _client.HistoryAsync(node, "whole"));
    }
}
