using GrainDb.Cluster.Tests.Hosting;
using GrainDb.Grains.Hosting;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Transactions;

namespace GrainDb.Cluster.Tests.Meta;

/// <summary>Changes of keyspaces that are asked for twice with one idempotency key.</summary>
public sealed class RepeatedChangesTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private GrainDbCluster _cluster = null!;

    private IKeyspaceCatalog Catalog => _cluster.Keyspaces(0);

    public async ValueTask InitializeAsync() => _cluster = await GrainDbCluster.StartAsync(_directory, [1], new StorageOptions());

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task A_creation_gives_its_answer_again_also_when_the_keyspace_was_changed_or_removed()
    {
        var wanted = new KeyspaceDescriptor { Name = "orders" };
        var first = await CreateAsync(wanted, "a");
        Assert.Equal((true, false, 1), (first.Created, first.IsRepeated, first.Keyspace.ReplicationFactor));
        await Catalog.UpdateAsync("orders", new KeyspacePatch(TimeSpan.FromHours(7)), TestContext.Current.CancellationToken);
        AssertRepeated(first, await CreateAsync(wanted, "a"));
        await Catalog.DeleteAsync("orders", TestContext.Current.CancellationToken);
        AssertRepeated(first, await CreateAsync(wanted, "a"));
        Assert.Null(await Catalog.GetAsync("orders", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Another_request_with_the_same_key_is_refused()
    {
        await CreateAsync(new KeyspaceDescriptor { Name = "orders" }, "a");
        var refused = await Assert.ThrowsAsync<GrainDbException>(
            () => Catalog.CreateAsync(new KeyspaceDescriptor { Name = "other" }, new IdempotencyStamp("a", 2, default), TestContext.Current.CancellationToken));
        Assert.Equal(ErrorCode.IdempotencyMismatch, refused.Failure.Code);
        Assert.Null(await Catalog.GetAsync("other", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_change_gives_its_answer_again_and_does_not_undo_later_ones()
    {
        await CreateAsync(new KeyspaceDescriptor { Name = "orders" }, "a");
        var first = await UpdateAsync(2, "b");
        await UpdateAsync(3, "c");
        var again = await UpdateAsync(2, "b");
        AssertRepeated(first, again);
        Assert.Equal(TimeSpan.FromHours(3), (await Catalog.GetAsync("orders", TestContext.Current.CancellationToken))!.Retention);
    }

    [Fact]
    public async Task A_removal_that_is_repeated_leaves_what_was_created_since()
    {
        await CreateAsync(new KeyspaceDescriptor { Name = "orders" }, "a");
        Assert.False((await DeleteAsync("b")).IsRepeated);
        await CreateAsync(new KeyspaceDescriptor { Name = "orders" }, "c");
        Assert.True((await DeleteAsync("b")).IsRepeated);
        Assert.NotNull(await Catalog.GetAsync("orders", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Split_keys_that_are_too_large_for_an_answer_come_out_of_the_request()
    {
        byte[][] splitKeys = [.. Enumerable.Range(1, 20).Select(index => (byte[])[(byte)index, .. new byte[4_095]])];
        var wanted = new KeyspaceDescriptor { Name = "wide", Partitions = splitKeys.Length + 1, SplitKeys = splitKeys };
        var first = await CreateAsync(wanted, "a");
        AssertRepeated(first, await CreateAsync(wanted, "a"));
    }

    private static void AssertRepeated(KeyspaceChange first, KeyspaceChange again)
    {
        Assert.Equal((first.Created, true), (again.Created, again.IsRepeated));
        Assert.Equal(first.Keyspace with { SplitKeys = [] }, again.Keyspace with { SplitKeys = [] });
        Assert.Equal(first.Keyspace.SplitKeys, again.Keyspace.SplitKeys);
    }

    private Task<KeyspaceChange> CreateAsync(KeyspaceDescriptor keyspace, string key) =>
        Catalog.CreateAsync(keyspace, new IdempotencyStamp(key, 1, default), TestContext.Current.CancellationToken);

    private Task<KeyspaceChange> UpdateAsync(int hours, string key) =>
        Catalog.UpdateAsync("orders", new KeyspacePatch(TimeSpan.FromHours(hours)), new IdempotencyStamp(key, 1, default), TestContext.Current.CancellationToken);

    private Task<KeyspaceChange> DeleteAsync(string key) =>
        Catalog.DeleteAsync("orders", new IdempotencyStamp(key, 1, default), TestContext.Current.CancellationToken);
}
