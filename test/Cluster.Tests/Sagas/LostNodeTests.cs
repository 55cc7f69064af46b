using GrainDb.Cluster.Tests.Faults;
using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Engine.Sagas;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Sagas;
using GrainDb.Interfaces.Sagas;
using Microsoft.Extensions.DependencyInjection;

namespace GrainDb.Cluster.Tests.Sagas;

/// <summary>Nodes are killed while they carry sagas out.</summary>
public sealed class LostNodeTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private readonly RecordedService _service = new();
    private GrainDbCluster _cluster = null!;
    private SagaClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await GrainDbCluster.StartAsync(
            _directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true, (_, services) => services.AddSingleton<ISagaService>(_service));
        _client = new SagaClient(_cluster);
        await _client.DefineAsync("four", SagaClient.Definition);
    }

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Killed_in_the_middle_of_a_call_it_goes_on_elsewhere_and_the_effect_is_one()
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _service.Scripts["second"] = async (call, cancellation) =>
        {
            if (!entered.TrySetResult())
                return null;
            _service.Act(call); // it had its effect, and nobody will hear of it
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        };
        await _client.StartAsync(2, "killed", "four");
        await entered.Task;

        _cluster.Crash(2);

        var saga = await _client.EndAsync(0, "killed");
        Assert.Equal("completed", saga.Summary.Status);
        Assert.Equal(2, _service.Calls.Count(call => call == "killed/second"));
        Assert.Single(await _client.HistoryAsync(1, "killed"), row => row == "stepScheduled second");
    }

    [Fact]
    public async Task Killed_while_many_are_under_way_each_ends_all_or_nothing_without_help()
    {
        const int Sagas = 60;
        _service.Scripts["pivot"] = (call, _) => Task.FromResult<SagaCallResult?>(
            int.Parse(call.Saga.AsSpan("load-".Length), System.Globalization.CultureInfo.InvariantCulture) % 3 == 0 ? new(SagaCallStatus.Rejected, default, "no") : null);
        var starts = Enumerable.Range(0, Sagas).Select(index => StartUntilItIsAsync(index % 2, $"load-{index}")).ToList();
        await _cluster.UntilAsync(() => Task.FromResult(_service.Calls.Count >= Sagas / 2));

        _cluster.Crash(2);

        await Task.WhenAll(starts);
        for (var index = 0; index < Sagas; index++)
        {
            var id = $"load-{index}";
            SagaView? saga = null;
            await _cluster.UntilAsync(async () => (await _cluster.Sagas(index % 2).FindAsync(id, SagaClient.Wait, GrainDbCluster.Timeout, TestContext.Current.CancellationToken)) is { Saga.Summary.HasEnded: true } answer
                && (saga = answer.Saga) is not null);
            Assert.Equal(index % 3 == 0 ? "compensated" : "completed", saga!.Summary.Status);
            Assert.All(saga.Steps, step => Assert.Equal(index % 3 != 0, _service.HasEffect(id, step.Name)));
        }
    }

    [Fact]
    public async Task All_nodes_stopped_and_started_again_it_goes_on_by_itself()
    {
        _service.Scripts["first"] = static async (_, cancellation) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        };
        await _client.StartAsync(0, "slept", "four");
        await _cluster.UntilAsync(() => Task.FromResult(_service.Calls.Contains("slept/first")));
        for (var node = 2; node >= 0; node--)
            await _cluster.StopAsync(node);
        _service.Scripts.Clear();

        for (var node = 0; node < 3; node++)
            await _cluster.StartAgainAsync(node);

        await _cluster.UntilAsync(async () =>
            (await _cluster.Sagas(1).FindAsync("slept", SagaClient.Wait, GrainDbCluster.Timeout, TestContext.Current.CancellationToken)).Saga is { Summary.Status: "completed" });
    }

    private async Task StartUntilItIsAsync(int node, string id) =>
        await _cluster.UntilAsync(async () => (await _client.StartAsync(node, id, "four")).Failure is null);
}
