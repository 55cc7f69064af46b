using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Grains.Placement;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Faults;

/// <summary>The instrument itself: what is cut does not pass, what is not does, and healing heals.</summary>
public sealed class NetworkTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly Network _network = new();
    private GrainDbCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1, 1, 1], new StorageOptions(), _network, buriesFast: true);

    public async ValueTask DisposeAsync()
    {
        _network.Heal();
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    private INodeGrain Node(int asker, string name) => _cluster.Service<IGrainFactory>(asker).GetGrain<INodeGrain>(name);

    private Task AnswersAsync(int asker, string name) => _cluster.UntilAsync(async () =>
    {
        try
        {
            await Node(asker, name).ReportAsync();
            return true;
        }
        catch (OrleansException)
        {
            return false; // its request left on a connection that the healing broke
        }
    });

    [Fact]
    public async Task A_black_hole_swallows_in_silence_and_healing_ends_it()
    {
        await AnswersAsync(0, "Silo_1");
        _network.Cut("Silo_0", "Silo_1", CutKind.BlackHole);

        var asked = Node(0, "Silo_1").ReportAsync();
        await _network.WhenLost("Silo_0", "Silo_1").WaitAsync(GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        await AnswersAsync(0, "Silo_2");
        await AnswersAsync(2, "Silo_1");
        Assert.False(asked.IsCompletedSuccessfully);

        _network.Heal();
        await AnswersAsync(0, "Silo_1");
        await AnswersAsync(1, "Silo_0");
    }

    [Fact]
    public async Task Cut_one_way_the_request_arrives_and_its_answer_does_not()
    {
        await AnswersAsync(0, "Silo_1");
        var storage = _cluster.Service<NodeStorage>(1);
        var planned = new PlannedReplica(new RangeId(1000), Guid.NewGuid(), RangeConfiguration.Unknown);
        _network.CutOneWay("Silo_1", "Silo_0");

        var asked = Node(0, "Silo_1").CreateReplicasAsync(new ReplicaCreation(storage.Identity.Incarnation, [planned]));
        await _cluster.UntilAsync(() => Task.FromResult(storage.FindReplica(planned.Range)?.Id == planned.Replica));
        await _network.WhenLost("Silo_1", "Silo_0").WaitAsync(GrainDbCluster.Timeout, TestContext.Current.CancellationToken);
        Assert.False(asked.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_reset_is_noticed()
    {
        await AnswersAsync(0, "Silo_1");
        _network.Cut("Silo_0", "Silo_1", CutKind.Reset);

        await Assert.ThrowsAnyAsync<OrleansException>(() => Node(0, "Silo_1").ReportAsync().WaitAsync(GrainDbCluster.Timeout, TestContext.Current.CancellationToken));
        await AnswersAsync(0, "Silo_2");

        _network.Heal();
        await AnswersAsync(0, "Silo_1");
    }

    [Fact]
    public async Task A_silo_that_is_cut_off_is_declared_dead()
    {
        var membership = _cluster.Service<IClusterMembershipService>(0);
        var cutOff = _cluster.Silos["Silo_2"];
        _network.Isolate("Silo_2", _cluster.Silos.Keys, CutKind.BlackHole);
        _network.CutFromTable("Silo_2");

        await _cluster.UntilAsync(() => Task.FromResult(membership.CurrentSnapshot.GetSiloStatus(cutOff) == SiloStatus.Dead));
        await AnswersAsync(0, "Silo_1");
        await Assert.ThrowsAsync<PlacementUnavailableException>(() => Node(0, "Silo_2").ReportAsync());
    }

    [Fact]
    public async Task The_membership_table_is_out_of_reach_for_one_silo()
    {
        _network.CutFromTable("Silo_1");

        await Assert.ThrowsAsync<TimeoutException>(() => _cluster.Service<IMembershipTable>(1).ReadAllAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, (await _cluster.Service<IMembershipTable>(0).ReadAllAsync(TestContext.Current.CancellationToken)).Members.Count);

        _network.Heal();
        Assert.Equal(3, (await _cluster.Service<IMembershipTable>(1).ReadAllAsync(TestContext.Current.CancellationToken)).Members.Count);
    }
}
