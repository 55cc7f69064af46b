using GrainDb.Silo.Clustering;
using Xunit;

namespace GrainDb.Silo.Tests.Clustering;

/// <summary>A row whose silo has no process is declared dead by whoever reads it; one that has is left alone.</summary>
public sealed class SiloDeathTests : IDisposable
{
    private readonly TableFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    private async Task<(FileMembershipTable Table, SiloAddress Address)> ActiveSiloAsync(int port)
    {
        var address = _fixture.NewAddress(port);
        var table = await _fixture.StartTableAsync(address);
        Assert.True(await table.InsertRow(TableFixture.NewEntry(address, SiloStatus.Active), (await table.ReadAll()).Version.Next()));
        return (table, address);
    }

    [Fact]
    public async Task A_silo_that_ended_is_dead_for_the_next_reader_as_a_change_like_any_other()
    {
        var (survivor, survivorAddress) = await ActiveSiloAsync(1);
        var (ended, endedAddress) = await ActiveSiloAsync(2);
        var before = await survivor.ReadAll();
        Assert.All(before.Members, member => Assert.Equal(SiloStatus.Active, member.Item1.Status));

        ended.Dispose(); // as the end of its process would

        var after = await survivor.ReadAll();
        Assert.Equal(before.Version.Version + 1, after.Version.Version);
        Assert.NotEqual(before.Version.VersionEtag, after.Version.VersionEtag);
        Assert.Equal(SiloStatus.Active, after.TryGet(survivorAddress)!.Item1.Status);
        var (row, etag) = after.TryGet(endedAddress)!;
        Assert.Equal(SiloStatus.Dead, row.Status);
        Assert.NotEqual(before.TryGet(endedAddress)!.Item2, etag);
        Assert.Equal(survivorAddress, row.SuspectTimes![^1].Item1);
        Assert.Equal(after.Version, (await survivor.ReadAll()).Version); // once
    }

    [Fact]
    public async Task One_row_is_true_too()
    {
        var (survivor, _) = await ActiveSiloAsync(1);
        var (ended, endedAddress) = await ActiveSiloAsync(2);
        ended.Dispose();
        Assert.Equal(SiloStatus.Dead, Assert.Single((await survivor.ReadRow(endedAddress)).Members).Item1.Status);
    }

    [Fact]
    public async Task The_first_to_come_back_after_all_ended_finds_all_dead()
    {
        var first = await ActiveSiloAsync(1);
        var second = await ActiveSiloAsync(2);
        first.Table.Dispose();
        second.Table.Dispose();

        var back = await _fixture.StartTableAsync(_fixture.NewAddress(1));

        Assert.All((await back.ReadAll()).Members, member => Assert.Equal(SiloStatus.Dead, member.Item1.Status));
        Assert.Single(Directory.EnumerateFiles(Path.Combine(_fixture.Directory, "silos"))); // its own
    }

    [Fact]
    public async Task A_change_on_the_version_before_a_death_fails()
    {
        var (survivor, survivorAddress) = await ActiveSiloAsync(1);
        var (ended, _) = await ActiveSiloAsync(2);
        var before = await survivor.ReadAll();
        ended.Dispose();
        await survivor.ReadAll();
        var (row, etag) = before.TryGet(survivorAddress)!;
        Assert.False(await survivor.UpdateRow(row, etag, before.Version.Next()));
    }

    [Fact]
    public async Task Readers_that_see_a_death_together_declare_it_once()
    {
        var (survivor, _) = await ActiveSiloAsync(1);
        var readers = new List<FileMembershipTable> { survivor };
        for (var reader = 0; reader < 5; reader++)
            readers.Add(await _fixture.StartTableAsync());
        var (ended, endedAddress) = await ActiveSiloAsync(2);
        var before = await survivor.ReadAll();
        ended.Dispose();

        var seen = await Task.WhenAll(readers.Select(reader => Task.Run(reader.ReadAll, TestContext.Current.CancellationToken)));

        Assert.All(seen, data => Assert.Equal(SiloStatus.Dead, data.TryGet(endedAddress)!.Item1.Status));
        Assert.All(seen, data => Assert.Equal(before.Version.Version + 1, data.Version.Version));
    }

    [Fact]
    public async Task An_address_that_runs_is_not_taken_twice()
    {
        var (_, address) = await ActiveSiloAsync(1);
        var refused = await Assert.ThrowsAsync<IOException>(() => _fixture.NewTable(address).InitializeMembershipTable(true));
        Assert.Contains("runs already", refused.Message, StringComparison.Ordinal);
    }
}
