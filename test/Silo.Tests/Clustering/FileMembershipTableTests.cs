using Xunit;

namespace GrainDb.Silo.Tests.Clustering;

/// <summary>What <c>IMembershipTable</c> promises.</summary>
public sealed class FileMembershipTableTests : IDisposable
{
    private readonly TableFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task A_new_table_is_empty_and_has_a_version_with_an_etag()
    {
        var table = await _fixture.StartTableAsync();
        var data = await table.ReadAll();
        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
        Assert.NotEmpty(data.Version.VersionEtag);
    }

    [Fact]
    public async Task Initializing_again_keeps_what_is_there()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry();
        await table.InsertRow(entry, (await table.ReadAll()).Version.Next());

        var other = await _fixture.StartTableAsync();
        await table.InitializeMembershipTable(true);

        Assert.Single((await other.ReadAll()).Members);
    }

    [Fact]
    public async Task An_inserted_row_is_read_back_whole_by_every_table()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry(SiloStatus.Active);
        var before = (await table.ReadAll()).Version;
        Assert.True(await table.InsertRow(entry, before.Next()));

        var data = await (await _fixture.StartTableAsync()).ReadAll();
        var (read, etag) = Assert.Single(data.Members);
        Assert.Equal(entry.ToFullString(), read.ToFullString());
        Assert.Equal(entry.SuspectTimes, read.SuspectTimes);
        Assert.Equal((entry.StartTime, entry.IAmAliveTime), (read.StartTime, read.IAmAliveTime));
        Assert.NotEmpty(etag);
        Assert.Equal(1, data.Version.Version);
        Assert.NotEqual(before.VersionEtag, data.Version.VersionEtag);
    }

    [Fact]
    public async Task A_row_is_not_inserted_twice_nor_on_an_old_version()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry();
        var old = (await table.ReadAll()).Version.Next();
        Assert.True(await table.InsertRow(entry, old));

        Assert.False(await table.InsertRow(entry, old));
        Assert.False(await table.InsertRow(_fixture.NewRunningEntry(), old));
        Assert.False(await table.InsertRow(entry, (await table.ReadAll()).Version.Next()));

        var data = await table.ReadAll();
        Assert.Single(data.Members);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task An_update_needs_the_row_its_etag_and_the_version()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry();
        Assert.False(await table.UpdateRow(entry, "1", (await table.ReadAll()).Version.Next())); // no such row
        await table.InsertRow(entry, (await table.ReadAll()).Version.Next());
        var data = await table.ReadAll();
        var etag = data.TryGet(entry.SiloAddress)!.Item2;

        entry.Status = SiloStatus.Active;
        Assert.False(await table.UpdateRow(entry, "wrong", data.Version.Next()));
        Assert.False(await table.UpdateRow(entry, etag, new TableVersion(2, "wrong")));
        Assert.True(await table.UpdateRow(entry, etag, data.Version.Next()));
        Assert.False(await table.UpdateRow(entry, etag, data.Version.Next())); // both outdated now
        var after = await table.ReadAll();
        Assert.False(await table.UpdateRow(entry, etag, after.Version.Next())); // the row's etag is outdated

        Assert.Equal(2, after.Version.Version);
        Assert.Equal(SiloStatus.Active, Assert.Single(after.Members).Item1.Status);
        Assert.NotEqual(etag, after.Members[0].Item2);
    }

    [Fact]
    public async Task One_row_is_read_with_the_version_or_only_the_version()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry();
        await table.InsertRow(entry, (await table.ReadAll()).Version.Next());
        await table.InsertRow(_fixture.NewRunningEntry(), (await table.ReadAll()).Version.Next());

        var one = await table.ReadRow(entry.SiloAddress);
        Assert.Equal(entry.SiloAddress, Assert.Single(one.Members).Item1.SiloAddress);
        Assert.Equal(2, one.Version.Version);
        var none = await table.ReadRow(_fixture.NewAddress());
        Assert.Empty(none.Members);
        Assert.Equal(2, none.Version.Version);
    }

    [Fact]
    public async Task A_heartbeat_changes_its_column_and_nothing_else()
    {
        var table = await _fixture.StartTableAsync();
        var entry = _fixture.NewRunningEntry(SiloStatus.Active);
        await table.InsertRow(entry, (await table.ReadAll()).Version.Next());
        var before = await table.ReadAll();

        var beat = entry.IAmAliveTime.AddMinutes(5);
        await table.UpdateIAmAlive(new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = beat });
        await table.UpdateIAmAlive(new MembershipEntry { SiloAddress = _fixture.NewAddress(), IAmAliveTime = beat }); // unknown: nothing

        var after = await table.ReadAll();
        Assert.Equal(before.Version, after.Version);
        var (read, etag) = Assert.Single(after.Members);
        Assert.Equal(before.Members[0].Item2, etag);
        entry.IAmAliveTime = beat;
        Assert.Equal(entry.ToFullString(), read.ToFullString());
    }

    [Fact]
    public async Task Cleaning_up_removes_old_rows_of_every_status_but_active()
    {
        var table = await _fixture.StartTableAsync();
        foreach (var status in Enum.GetValues<SiloStatus>())
            Assert.True(await table.InsertRow(_fixture.NewRunningEntry(status), (await table.ReadAll()).Version.Next()));
        var recent = _fixture.NewRunningEntry(SiloStatus.Dead);
        recent.SuspectTimes = [Tuple.Create(recent.SiloAddress, recent.IAmAliveTime.AddDays(2))]; // declared dead lately
        await table.InsertRow(recent, (await table.ReadAll()).Version.Next());
        var version = (await table.ReadAll()).Version;

        await table.CleanupDefunctSiloEntries(new DateTimeOffset(recent.IAmAliveTime.AddDays(1)));

        var left = await table.ReadAll();
        Assert.Equal([SiloStatus.Active, SiloStatus.Dead], left.Members.Select(member => member.Item1.Status).Order());
        Assert.NotNull(left.TryGet(recent.SiloAddress));
        Assert.Equal(version, left.Version);
    }

    [Fact]
    public async Task Deleting_takes_the_cluster_that_is_named()
    {
        var table = await _fixture.StartTableAsync();
        await table.InsertRow(_fixture.NewRunningEntry(), (await table.ReadAll()).Version.Next());
        await table.DeleteMembershipTableEntries("another");
        Assert.Single((await table.ReadAll()).Members);
        await table.DeleteMembershipTableEntries(TableFixture.ClusterId);
        Assert.Empty((await table.ReadAll()).Members);
    }

    [Fact]
    public async Task Of_racing_changes_on_one_version_exactly_one_wins()
    {
        const int Racers = 8;
        const int Rounds = 25;
        var tables = await Task.WhenAll(Enumerable.Range(0, Racers).Select(_ => _fixture.StartTableAsync()));
        var entry = _fixture.NewRunningEntry();
        var start = (await tables[0].ReadAll()).Version.Next();
        var inserted = await Task.WhenAll(tables.Select(table => Task.Run(() => table.InsertRow(entry, start), TestContext.Current.CancellationToken)));
        Assert.Single(inserted, true);

        for (var round = 0; round < Rounds; round++)
        {
            var data = await tables[0].ReadAll();
            var etag = data.TryGet(entry.SiloAddress)!.Item2;
            var updated = await Task.WhenAll(tables.Select(table => Task.Run(() => table.UpdateRow(entry, etag, data.Version.Next()), TestContext.Current.CancellationToken)));
            Assert.Single(updated, true);
        }

        Assert.Equal(1 + Rounds, (await tables[1].ReadAll()).Version.Version);
    }

    [Fact]
    public async Task No_change_is_lost_when_all_repeat_until_they_win()
    {
        const int Writers = 6;
        const int Changes = 20;
        var tables = await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => _fixture.StartTableAsync()));
        var entries = tables.Select(_ => _fixture.NewRunningEntry()).ToList();
        await Task.WhenAll(tables.Zip(entries, (table, entry) => Task.Run(async () =>
        {
            while (!await table.InsertRow(entry, (await table.ReadAll()).Version.Next()))
            {
            }

            for (var change = 1; change <= Changes; change++)
            {
                while (true)
                {
                    var data = await table.ReadAll();
                    var (mine, etag) = data.TryGet(entry.SiloAddress)!;
                    Assert.Equal(change, mine.UpdateZone); // nobody else's change replaced ours
                    mine.UpdateZone = change + 1;
                    if (await table.UpdateRow(mine, etag, data.Version.Next()))
                        break;
                }
            }
        }, TestContext.Current.CancellationToken)));

        var end = await tables[0].ReadAll();
        Assert.Equal(Writers * (1 + Changes), end.Version.Version);
        Assert.All(end.Members, member => Assert.Equal(1 + Changes, member.Item1.UpdateZone));
        Assert.Equal(Writers, end.Members.Count);
    }
}
