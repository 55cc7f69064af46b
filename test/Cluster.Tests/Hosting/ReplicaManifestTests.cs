using GrainDb.Engine.Wal;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using GrainDb.Interfaces.Replicas;

namespace GrainDb.Cluster.Tests.Hosting;

public sealed class ReplicaManifestTests : IDisposable
{
    private static readonly RangeId Range = new(7);
    private static readonly Guid First = new(1, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]);
    private static readonly Guid Second = new(2, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]);
    private static readonly RangeConfiguration Voters = new([new("node1", First), new("node2", Second)], []);

    private readonly TestDirectory _directory = new();
    private ReplicaManifest _manifest;

    public ReplicaManifestTests() => _manifest = Load();

    public void Dispose() => _directory.Dispose();

    private ReplicaManifest Load() => ReplicaManifest.Load(new NativeFileSystem(), _directory.Path);

    private static PlannedReplica[] Plan(Guid replica, RangeConfiguration? initial = null) => [new(Range, replica, initial ?? Voters)];

    [Fact]
    public void What_is_listed_is_there_after_a_restart()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        _manifest.MarkOpened(Range, First);
        _manifest.OfferMeta(Second);

        var loaded = Load();
        Assert.Equal(new ReplicaManifest.Entry(First, IsOpened: true, Voters), loaded.Find(Range));
        Assert.Equal(Second, loaded.MetaOfferedTo);
        Assert.Empty(loaded.HalfRemoved);
    }

    [Fact]
    public void A_removed_replica_is_not_created_again_by_a_request_that_comes_late()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        _manifest.Bury(Range, First);
        _manifest.Unlist(Range, First);
        _manifest = Load();

        Assert.NotNull(_manifest.Add(Plan(First)));
        Assert.Null(_manifest.Find(Range));
        Assert.Null(_manifest.Add(Plan(Second)));
        Assert.Equal(Second, _manifest.Find(Range)!.Id);
    }

    [Fact]
    public void A_removal_that_comes_before_the_creation_wins()
    {
        _manifest.Bury(Range, First);
        Assert.NotNull(Load().Add(Plan(First)));
    }

    [Fact]
    public void A_replica_in_use_does_not_give_way()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        _manifest.MarkOpened(Range, First);
        Assert.NotNull(_manifest.Add(Plan(Second)));
        Assert.Equal(First, Load().Find(Range)!.Id);
    }

    [Fact]
    public void One_that_nobody_heard_of_gives_way_for_good()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        Assert.Null(_manifest.Add(Plan(Second)));
        Assert.Equal(Second, Load().Find(Range)!.Id);
        Assert.NotNull(_manifest.Add(Plan(First)));
        Assert.Throws<InvalidOperationException>(() => _manifest.MarkOpened(Range, First));
    }

    [Fact]
    public void A_list_is_taken_whole_or_not_at_all()
    {
        _manifest.Bury(new RangeId(9), First);
        Assert.NotNull(_manifest.Add([new(new RangeId(8), Second, Voters), new(new RangeId(9), First, Voters)]));
        Assert.Null(Load().Find(new RangeId(8)));
    }

    [Fact]
    public void A_removal_that_a_crash_cut_in_half_is_found()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        _manifest.Bury(Range, First);
        Assert.Equal((Range, First), Assert.Single(Load().HalfRemoved));
    }

    [Fact]
    public void A_range_that_is_gone_leaves_nothing()
    {
        Assert.Null(_manifest.Add(Plan(First)));
        _manifest.Bury(Range, First);
        _manifest.Forget(Range);
        Assert.Empty(Load().KnownRanges());
    }

    [Fact]
    public void A_configuration_is_given_once_and_only_to_a_replica_that_was_never_opened()
    {
        Assert.Null(_manifest.Add(Plan(First, RangeConfiguration.Unknown)));
        Assert.Throws<InvalidOperationException>(() => _manifest.SetInitial(Range, Second, Voters));
        _manifest.SetInitial(Range, First, Voters);
        Assert.Equal(Voters, Load().Find(Range)!.Initial);
        Assert.Throws<InvalidOperationException>(() => _manifest.SetInitial(Range, First, Voters));
    }

    [Theory]
    [InlineData("""{"format":1,"replicas":{},"removed":{},"metaOfferedTo":null}""")]
    [InlineData("""{"0":{"incarnation":"00000001-0000-0000-0000-000000000000","isOpened":true}}""")]
    [InlineData("null")]
    [InlineData("")]
    public void What_is_no_manifest_of_this_format_is_refused(string content)
    {
        File.WriteAllText(Path.Combine(_directory.Path, "manifest.json"), content);
        Assert.Throws<WalCorruptionException>(Load);
    }
}
